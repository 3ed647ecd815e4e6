"""Lists of datasets and models: what a filter asks for, and in which order."""
