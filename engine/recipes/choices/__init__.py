"""What some fields of a recipe can be: methods' losses, tunings, optimisers, trackers."""
