"""Which weights are trained and how: loading, adapters, optimisers."""
