"""Runs from a shell: a `tunesmith` command, or a group of them, in a file."""
