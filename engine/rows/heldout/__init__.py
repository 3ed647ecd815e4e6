"""Rows kept out of a training: how many, which ones, and the record of them. Decided by their content alone."""
