"""What a client can attach to a conversation: gists and their files, by URI."""
