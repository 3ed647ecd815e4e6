"""Evaluations over REST: the reports of runs, comparisons of any two models, and both as files."""
