"""What goes out: notifications, their sinks and deliveries, and links to watch a run."""
