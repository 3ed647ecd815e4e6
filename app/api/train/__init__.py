"""Recipes over REST: checks, estimates, presets, saved recipes, SkyPilot."""
