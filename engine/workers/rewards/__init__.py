"""What an answer is worth: rules, a person's own function, a reward model."""
