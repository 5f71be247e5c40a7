"""Who an OAuth client is."""
