"""Two models asked the same, and what that proves: the report on a run, and every other evaluation."""
