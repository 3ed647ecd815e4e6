"""The shape of every answer and of every error, checked in one place."""
