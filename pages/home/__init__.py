"""The Home page: the first lesson, then what is running and what was done last."""
