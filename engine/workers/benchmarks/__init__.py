"""Benchmarks: puts a load on an endpoint and measures its answers."""
