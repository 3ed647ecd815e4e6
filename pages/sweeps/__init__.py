"""The Sweeps page: what is best, how sure that is, every trial, charts of them."""
