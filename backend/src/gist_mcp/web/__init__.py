"""What a request meets first: routes, Host and Origin, sizes, challenges."""
