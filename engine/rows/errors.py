"""What is wrong with a whole file, as a person can act on it."""

from engine.errors import TunesmithError


class UnreadableError(TunesmithError):
    """The file cannot be read as training data at all."""

    status = 422
