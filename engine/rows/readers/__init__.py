"""Files to rows: a module for each way of writing rows into a file. `choose` finds the one that fits a file.

A reader yields what it found, row by row: usually a dict; a Rejection where it could not make one of it.
"""
