"""The file a dataset is kept in, the rows that were not taken, and single rows by position."""
