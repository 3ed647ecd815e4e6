"""Evaluations: whether a model got better, how sure that is, and what it has forgotten."""
