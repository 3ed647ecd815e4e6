"""Base models over REST, and the hub they come from."""
