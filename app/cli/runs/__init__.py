"""Runs from a shell: each `tunesmith` command on them in a file."""
