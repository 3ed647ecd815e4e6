"""Recipes over REST: checked, estimated, preset, taken to a cloud."""
