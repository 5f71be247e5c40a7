"""What a person sees of their account, and what they can end."""
