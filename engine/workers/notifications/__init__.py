"""Messages sent by libraries of others, each in a process of its own."""
