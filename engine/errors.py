"""What the user can act on. Each names the thing, the value and, in `hint`, the remedy."""


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


class NoRoomError(TunesmithError):
    """The disk has no room for what would be made. Names what is needed and what is free."""

    status = 507
