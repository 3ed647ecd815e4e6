"""The Runs page: what trains now, what has trained, and one run in full."""
