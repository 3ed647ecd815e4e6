"""What some fields of a recipe can be: tunings, optimisers, trackers."""
