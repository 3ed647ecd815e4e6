"""Datasets: imported, mapped, checked, searched, changed, exported."""
