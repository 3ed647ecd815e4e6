"""Installing a runtime beside the one in use: fetched, checked by a real start, swapped in."""
