"""Turns of a chat, from whatever people write to one shape."""
