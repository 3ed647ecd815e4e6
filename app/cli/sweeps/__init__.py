"""Sweeps from a shell: started from a file, followed, stopped, taken up again."""
