"""What is wrong with a call, and which of its parameters."""

from engine.errors import TunesmithError


class ParameterError(TunesmithError):
    """`param` is the parameter as the client wrote it, such as method.dpo.hyperparameters.beta; None for none."""

    def __init__(self, message: str, param: str | None, code: str = "invalid_value", status: int = 400) -> None:
        super().__init__(message)
        self.param, self.code, self.status = param, code, status
