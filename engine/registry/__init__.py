"""The registry: models kept by name in versions; aliases; verify and repair."""
