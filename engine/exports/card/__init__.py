"""The card that goes with a model, as the hub reads it: facts alone."""
