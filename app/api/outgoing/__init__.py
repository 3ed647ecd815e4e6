"""What goes out, over REST: notifications, and links to watch a run."""
