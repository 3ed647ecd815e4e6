"""Datasets: imported, mapped, checked, changed, searched, exported. What acts; the rows themselves are in `rows`."""
