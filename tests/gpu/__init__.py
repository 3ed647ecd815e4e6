"""Tests that need a GPU: the engine itself, with a generated model of about 0.7 billion parameters."""
