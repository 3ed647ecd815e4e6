"""One file a page: what is on it, and what a click does."""
