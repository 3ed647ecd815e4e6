"""The Registry page: models kept by name, their versions, aliases, lineage and log; clean-up."""
