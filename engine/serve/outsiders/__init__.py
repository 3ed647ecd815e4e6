"""Servers somewhere else: which kind of server it is, what went wrong in words."""
