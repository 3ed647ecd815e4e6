"""What asks a person's own reward function, inside the sandbox."""
