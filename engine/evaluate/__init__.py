"""Evaluations: whether a model got better, how sure that is, what it forgot."""
