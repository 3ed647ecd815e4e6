"""The REST API under /api, one noun a file. The engine does the work."""
