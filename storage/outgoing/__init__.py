"""What goes out: notifications, their sinks and deliveries, links to a run or a chat."""
