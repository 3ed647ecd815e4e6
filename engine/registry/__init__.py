"""The registry: models kept by name in versions, aliases that lead to them, verify and repair."""
