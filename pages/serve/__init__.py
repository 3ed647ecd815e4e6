"""The Serve page: endpoints, what they answer to, and a new one."""
