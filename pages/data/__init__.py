"""The Data page: bring files in, look at rows, check and change them."""
