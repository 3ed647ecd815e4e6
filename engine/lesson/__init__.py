"""The first lesson: one button, from nothing to a chat with a tuned model."""
