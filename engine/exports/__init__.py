"""Exports: a trained model taken away, as adapter, merged with its base, or GGUF."""
