"""Files of a model or a checkpoint: read, checked, never executed."""
