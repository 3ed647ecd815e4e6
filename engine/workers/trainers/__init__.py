"""TRL's trainers fed with tokens, and what makes them faster with the same numbers."""
