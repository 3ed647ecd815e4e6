"""TRL's trainers, fed with tokens and faster, with the same numbers."""
