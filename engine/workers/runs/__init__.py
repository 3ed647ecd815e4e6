"""Beside a run: telling an experiment tracker about it."""
