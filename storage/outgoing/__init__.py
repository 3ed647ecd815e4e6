"""What goes out: notifications, their sinks and deliveries, links to watch a run."""
