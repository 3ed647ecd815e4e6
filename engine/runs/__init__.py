"""Runs: started, followed, healed, ended, and told to trackers."""
