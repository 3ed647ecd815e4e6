"""What runs in a sandbox before the code and around it: the standard library alone."""
