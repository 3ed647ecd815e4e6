"""Programs of the registry: the files of a version hashed."""
