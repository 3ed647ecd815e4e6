"""`tunesmith endpoint`: what is served, looked at and changed."""
