"""Processes and what they need: shim, plan, events, queue, devices, logs, work."""
