"""Chats: one question to a tuned model and its base; good answers kept as rows."""
