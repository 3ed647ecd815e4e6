"""Datasets on the command line, beyond what app.cli.data and app.cli.shape have."""
