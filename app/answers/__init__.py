"""The one shape of every answer and of every error."""
