"""What GitHub does not have: fault points, a request log and the API that drives them."""
