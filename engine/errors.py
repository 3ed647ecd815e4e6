"""What the user can act on. Each names the thing, the value and, in `hint`, the remedy."""

import errno

FULL_CODES = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class TunesmithError(Exception):
    """Something is wrong with what was asked, or with this machine, and a person can change it."""

    status = 400

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class NotFoundError(TunesmithError):
    """No such run, dataset, model, endpoint ..."""

    status = 404


class ConflictError(TunesmithError):
    """Not now: the thing is in a state that does not allow it."""

    status = 409


class RefusedError(TunesmithError):
    """Understood, and impossible: a recipe that cannot train, a model that cannot load."""

    status = 422


class BusyError(TunesmithError):
    """Not within the time a request may wait; soon perhaps."""

    status = 503


class DiskFullError(TunesmithError):
    """The disk has no room for it."""

    status = 507


class DamagedError(TunesmithError):
    """A file or folder of the studio's own cannot be used."""

    status = 500
