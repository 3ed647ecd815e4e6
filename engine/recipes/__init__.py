"""Recipes: everything that decides a training, as data."""
