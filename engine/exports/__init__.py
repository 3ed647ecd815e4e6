"""Exports: a trained model taken away, as its adapter, merged with its base, or as GGUF."""
