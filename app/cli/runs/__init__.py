"""Runs at the command line: listed, noted, tagged, archived, stopped, deleted."""
