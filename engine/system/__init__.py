"""The machine and the studio as they are now: memory, load, disk, sensors, log."""
