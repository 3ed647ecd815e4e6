"""Training: one program for each family of methods, up to the checked result."""
