"""Benchmarks: how fast an endpoint answers under a stated load; and a tuner that tries its options."""
