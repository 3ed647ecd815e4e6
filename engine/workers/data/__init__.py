"""Programs about datasets: import, shape, export, health, search, the hub."""
