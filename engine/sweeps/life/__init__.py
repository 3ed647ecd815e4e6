"""A sweep's life: made, moved on each second, its trials begun as runs and recorded when they end."""
