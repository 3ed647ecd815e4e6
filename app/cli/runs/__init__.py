"""Runs from a shell: listed, noted, tagged, archived, stopped, deleted; their queue, diagnosis, answers and metrics."""
