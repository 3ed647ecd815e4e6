"""Queries about the queue of trainings: its order, who waits for whom, and its settings."""
