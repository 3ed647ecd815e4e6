"""Python's search for garbage, kept away from what the studio is made of.

Gradio, FastAPI and pydantic make a million objects that live as long as the process. A full search goes through all of
them with the interpreter locked: a quarter of a second of processor time in which nobody is answered, every five to six
seconds under load, and six times while the studio starts. What is made later is searched as ever.
"""

import gc


def pause() -> None:
    """Searches no more, until `resume`. For the start: what it makes stays, and little of it is garbage."""
    gc.disable()


def resume() -> None:
    """Searches again, but never through what there is now."""
    gc.freeze()
    gc.enable()
