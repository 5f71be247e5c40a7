"""What this project leans on of Reboot and DurableMCP beyond what they document."""
