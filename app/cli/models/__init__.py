"""The command line of base models, `tunesmith model`."""
