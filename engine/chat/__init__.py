"""Chats: the same question to a tuned model and its base, and rows kept from good answers."""
