"""Sweeps: what is there, what moves, and the one way a trial changes its state."""
