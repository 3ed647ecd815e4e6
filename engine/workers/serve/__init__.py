"""The studio's own model server."""
