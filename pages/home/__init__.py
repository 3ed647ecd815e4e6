"""The Home page: the first lesson, what is running, what was done last."""
