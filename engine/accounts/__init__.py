"""Whose things they are: projects, and the keys that other programs use."""
