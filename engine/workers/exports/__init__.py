"""Trained models made ready to be taken away: merged with their base."""
