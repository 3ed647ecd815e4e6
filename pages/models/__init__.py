"""The Models page: the base models there are, one in full, and ways to get another."""
