"""Programs that train, and all they share from the spec to the checked result."""
