"""Where a person's own code runs, shut in by the kernel."""
