"""`make load`: many people with mixed work at this server in production, and one who is greedy."""
