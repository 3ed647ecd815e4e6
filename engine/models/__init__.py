"""Base models: added, fetched, looked at, deleted."""
