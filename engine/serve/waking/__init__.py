"""Sleep and wake of endpoints, and requests that wait meanwhile."""
