"""Programs that measure: real steps before a training, and how fast the machine is."""
