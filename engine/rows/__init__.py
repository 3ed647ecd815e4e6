"""Training data, pure functions: files read, formats recognised, each row judged.

It knows no database, process or page. `readers/` turns files into rows, `mapping/` finds out which columns are what,
`kinds/` and `turns/` bring rows into one shape, `formats/` lists the ways people write them, `store/` keeps them.
"""
