"""The command line, `tunesmith`. It calls the same engine as the window."""
