"""Base models, the hub and its token at the command line."""
