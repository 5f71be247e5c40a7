"""What is sealed, and how it lives and dies."""
