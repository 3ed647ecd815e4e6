"""The Serve page: the endpoints, how to call them, a form for a new one."""
