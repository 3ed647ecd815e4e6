"""Which weights are trained and how: the model loaded, adapters, optimisers."""
