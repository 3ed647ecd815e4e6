"""The Sweeps page: what is best so far, how sure that is, every trial, charts of them."""
