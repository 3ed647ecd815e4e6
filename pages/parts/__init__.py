"""What pages are made of: escaped HTML, live fragments, charts, toasts."""
