"""Runtimes installed: fetched, tried by a real start, put into use."""
