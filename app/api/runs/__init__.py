"""Runs over REST: each by itself, several beside each other, as code."""
