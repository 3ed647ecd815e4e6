"""What lies in a model's or checkpoint's folder: read, checked, never executed."""
