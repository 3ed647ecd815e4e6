"""Curves of real trainings of a tiny model, well and wrongly on purpose, each with the recipe it was trained by."""
