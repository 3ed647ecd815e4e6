"""Rows in the forms other programs read, and the card of a dataset that is pushed."""
