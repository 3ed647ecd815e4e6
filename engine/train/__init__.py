"""Before a training: whether it can start, what it takes, what its worker is told."""
