"""Trained models made ready to be taken away: merged, as GGUF, compared, pushed to the hub."""
