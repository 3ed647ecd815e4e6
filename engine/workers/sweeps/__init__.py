"""Optuna, asked by programs of its own: what a sweep tries next, what mattered, its study as a file."""
