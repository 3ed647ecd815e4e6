"""Projects as a whole: what is in one, and its deletion with all of that."""
