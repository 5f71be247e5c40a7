"""The log of a process: its lines, their forms, and what each line belongs to."""
