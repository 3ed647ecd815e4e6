"""Repair: the rows of models, datasets, runs, sweeps and versions made again from their folders."""
