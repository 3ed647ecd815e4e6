"""The run doctor: pure rules over the curves of a run that say what goes wrong, where, and what to do about it."""
