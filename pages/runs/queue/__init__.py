"""The queue on the Runs page: what trains, what waits and for what, and who holds which memory."""
