"""Telling what happens: the bell of every page, and who else is told."""
