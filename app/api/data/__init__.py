"""Datasets over REST, one file for each thing that is done with them."""
