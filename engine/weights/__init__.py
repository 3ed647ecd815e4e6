"""What lies in the folder of a model or a checkpoint. Nothing of it is executed."""
