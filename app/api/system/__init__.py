"""The machine and the studio itself over REST."""
