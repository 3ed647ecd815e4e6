"""What happened, in the window: the bell of every page, and the form that says who else is told."""
