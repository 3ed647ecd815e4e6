"""Projects, keys and what came through /v1 on the command line."""
