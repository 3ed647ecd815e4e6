"""The Registry page: models kept by name, versions, aliases, lineage; clean-up."""
