"""The Runs page: what is training, what has trained, one run in full."""
