"""Measuring: a few real steps of a training, and the speed of the machine."""
