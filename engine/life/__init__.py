"""The engine's life in a process, and the loop that moves everything on. The roof: it knows every wing."""
