"""GitHub's web side: the authorize page, the token endpoint and the rules behind them."""
