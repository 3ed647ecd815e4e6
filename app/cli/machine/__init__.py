"""The machine, the studio and logs on the command line."""
