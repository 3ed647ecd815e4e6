"""A worker that begins and does nothing more, until it is ended: `python -m tests.load.resting SPEC.json OUT/`."""

import signal

if __name__ == "__main__":
    signal.pause()
