"""Lists of runs: filters, order, what is hidden, metrics in short, views, undo."""
