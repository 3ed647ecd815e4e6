"""Lists of runs: filters, order, what is hidden, metrics in short, saved views, undo."""
