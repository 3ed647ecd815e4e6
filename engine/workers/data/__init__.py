"""Datasets: import, change, compare, export, check, index, push to the hub."""
