"""Did it help? Reports on runs, and any two models compared on the same rows."""
