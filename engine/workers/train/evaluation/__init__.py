"""Held-out rows beside the training: which they are, and how often they are read."""
