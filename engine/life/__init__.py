"""Starts and ends the engine in a process; looks after everything each second."""
