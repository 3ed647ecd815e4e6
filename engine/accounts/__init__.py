"""Whose things they are: projects, and API keys for other programs."""
