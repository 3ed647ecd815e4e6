"""The list of runs: what its address asks for, its columns, the bars above it, what its buttons do."""
