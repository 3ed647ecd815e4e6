"""Why something does not run in a sandbox."""

from engine.errors import BusyError, TunesmithError


class SandboxError(TunesmithError):
    """It cannot be run as it was given: a file name, a size, a language."""

    status = 422


class NoSandboxError(SandboxError):
    """Nothing on this machine holds code back, so none is run."""

    status = 503


class BusySandboxError(BusyError, SandboxError):
    """As much is running as may at once."""

    status = 503
