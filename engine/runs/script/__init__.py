"""A run as code: a script that trains the same on plain transformers, PEFT and TRL, and what belongs to it."""
