"""What an answer is worth: rules, a person's function, a reward model."""
