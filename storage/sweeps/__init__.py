"""Sweeps and their trials: what is there, what moves, and the one way in which a trial changes its state."""
