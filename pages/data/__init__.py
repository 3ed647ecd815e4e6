"""The Data page: files in, rows looked at, checked and changed."""
