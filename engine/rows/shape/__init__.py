"""Shaping datasets: pure operations, one a file, that read rows of datasets and give the rows of a new one.

`operations.OPERATIONS` has them all. Each is described by a frozen model, which says in words what it does, and streams
over Arrow batches: what it holds grows by a few bytes a row at most, never with the texts. See docs/guide/shape.md.
"""
