"""The Sweeps page: what is best so far and how sure that is, every trial, charts."""
