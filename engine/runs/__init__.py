"""Runs: started, followed, resumed, ended, reported to trackers."""
