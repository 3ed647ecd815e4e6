"""What a machine does while a run trains on it: looked at by a program of its own, kept in the run's folder."""
