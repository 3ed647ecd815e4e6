"""The command line: `tunesmith` and its commands. Each calls the same engine functions as the window."""
