"""Exports: a trained model taken away, as its adapter or merged with its base."""
