"""Benchmarks: how fast an endpoint answers; a tuner that tries its options."""
