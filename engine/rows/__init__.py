"""Training data: files read row by row, rows brought into one shape, every row accepted or named with its reason.

Pure code: it knows no database, process or page. `readers/` turns files into rows; the modules named after a format
turn rows into what a worker trains on; `formats` is the list of them; `columnar` is the file that is kept.
"""
