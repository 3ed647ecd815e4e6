"""Answers to fixed prompts, kept by run, step and prompt."""
