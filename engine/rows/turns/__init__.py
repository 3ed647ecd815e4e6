"""Turns of a chat: the many ways they are written, brought into one."""
