"""Queries on the queue of trainings: order, who waits for whom, settings."""
