"""How a new version takes the place of the one that answers, and what becomes of either."""
