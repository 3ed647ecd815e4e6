"""Benchmarks: how fast an endpoint answers under a load; a tuner that tries its options."""
