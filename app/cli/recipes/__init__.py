"""Recipes on the command line."""
