"""How a new version proves itself: golden prompts, a trial on a share of the requests, room in memory."""
