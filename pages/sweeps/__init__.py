"""The Sweeps page: what is best so far, by how much and how sure, every trial, charts of them."""
