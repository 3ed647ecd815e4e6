"""Repair: the rows of models, datasets, runs and versions made again from their folders, after a database was lost."""
