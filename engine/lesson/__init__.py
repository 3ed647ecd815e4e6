"""The first lesson: from one button to a chat with a model that learnt to add."""
