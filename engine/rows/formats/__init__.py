"""The formats people write training data in, one a file: the columns it has, an example, and who reads it."""
