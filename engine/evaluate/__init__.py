"""Did it help? Two models on the same rows: the report on every run, and whatever else is compared."""
