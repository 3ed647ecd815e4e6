"""A stranger's code runs here only, shut in."""
