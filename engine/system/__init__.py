"""The machine and the studio itself, as they are now: memory, load, disk, sensors; the log of the studio."""
