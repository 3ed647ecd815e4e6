"""Before a training: whether it can start, what it will take, and what its worker is told."""
