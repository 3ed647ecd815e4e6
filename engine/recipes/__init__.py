"""Recipes: everything that decides a training, as data, and what its fields mean together."""
