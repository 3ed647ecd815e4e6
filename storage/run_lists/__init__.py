"""Lists of runs: which are shown, in which order, what is hidden; metrics in short, saved views, undo."""
