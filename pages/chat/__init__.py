"""The Chat page: a tuned model and its base answer the same question, side by side."""
