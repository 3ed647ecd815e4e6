"""Whether a model that is served answers as the one that was trained."""
