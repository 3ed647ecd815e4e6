"""Finding rows by their words."""
