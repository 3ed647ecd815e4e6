"""The Sweeps page: the best and how sure it is, every trial, charts."""
