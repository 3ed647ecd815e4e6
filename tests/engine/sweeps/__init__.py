"""Sweeps: spaces, budgets, trials."""
