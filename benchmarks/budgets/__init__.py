"""`make budgets`: an hour of many people in seconds, and what it costs of GitHub's budgets."""
