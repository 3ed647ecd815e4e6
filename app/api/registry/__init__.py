"""The registry over REST: models by name, versions, aliases, endpoints that follow one, disk and clean-up."""
