"""Datasets over REST, one file a thing that is done with them."""
