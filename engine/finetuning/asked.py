"""What POST /v1/fine_tuning/jobs may ask for. Names and meanings are OpenAI's; what is not known is refused."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from engine.finetuning.wrong import ParameterError

MOST_LABELS = 16


def _auto(value: Any) -> Any:
    """`auto` is the studio's own choice, as is nothing at all."""
    return None if value == "auto" else value


def _without_nul(text: str) -> str:
    """PostgreSQL keeps no NUL."""
    if "\0" in text:
        raise ValueError("no character of it may be NUL")
    return text


Count = Annotated[Annotated[int, Field(strict=True, ge=1, le=4096)] | None, BeforeValidator(_auto)]
Epochs = Annotated[Annotated[int, Field(strict=True, ge=1, le=1000)] | None, BeforeValidator(_auto)]
Positive = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]
Number = Annotated[Annotated[Positive, Field(le=10_000)] | None, BeforeValidator(_auto)]
Beta = Annotated[Annotated[Positive, Field(le=100)] | None, BeforeValidator(_auto)]
LabelName = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_without_nul)]
Label = Annotated[str, StringConstraints(max_length=512), AfterValidator(_without_nul)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hyperparameters(_Body):
    batch_size: Count = None
    learning_rate_multiplier: Number = None
    n_epochs: Epochs = None


class DpoHyperparameters(Hyperparameters):
    beta: Beta = None


class Supervised(_Body):
    hyperparameters: Hyperparameters | None = None


class Dpo(_Body):
    hyperparameters: DpoHyperparameters | None = None


class Method(_Body):
    type: Literal["supervised", "dpo"]
    supervised: Supervised | None = None
    dpo: Dpo | None = None


class Asked(_Body):
    """The body of a new job."""

    model: str = Field(min_length=1, max_length=300)
    training_file: str = Field(min_length=1, max_length=100)
    validation_file: str | None = Field(default=None, min_length=1, max_length=100)
    method: Method | None = None
    hyperparameters: Hyperparameters | None = None  # the old place of those of `supervised`
    suffix: str | None = Field(default=None, min_length=1, max_length=64)
    seed: int | None = Field(default=None, strict=True, ge=0, le=2**32 - 1)
    metadata: Annotated[dict[LabelName, Label], Field(max_length=MOST_LABELS)] | None = None
    integrations: Annotated[list[Any], Field(max_length=0)] | None = None

    @model_validator(mode="after")
    def _one_method(self) -> Self:
        other = {"supervised": "dpo", "dpo": "supervised"}[self.method_name]
        if self.method is not None and getattr(self.method, other) is not None:
            raise ParameterError(
                f"`method.type` is `{self.method_name}`, and `method.{other}` is given.", f"method.{other}"
            )
        if self.hyperparameters is not None and (self.method_name == "dpo" or self._own is not None):
            text = "`hyperparameters` belongs to jobs without a `method`. Write them in `method` alone."
            raise ParameterError(text, "hyperparameters")
        if self.suffix is not None and not (self.suffix.isprintable() and self.suffix.strip()):
            raise ParameterError(f"`suffix` is {self.suffix!r}: use letters that can be shown.", "suffix")
        return self

    @property
    def method_name(self) -> Literal["supervised", "dpo"]:
        return self.method.type if self.method is not None else "supervised"

    @property
    def _own(self) -> Hyperparameters | None:
        part = getattr(self.method, self.method_name) if self.method is not None else None
        return part.hyperparameters if part is not None else None

    @property
    def chosen(self) -> dict[str, Any]:
        """The hyperparameters that are not left to the studio."""
        given = self._own or self.hyperparameters
        return given.model_dump(exclude_none=True) if given is not None else {}

    def as_written(self, param: str) -> str:
        """A parameter by the place where this body has it: hyperparameters may stand in their old one."""
        return param if self._own is not None else param.removeprefix("method.supervised.")


def parse(body: Any) -> Asked:
    """The body, checked. Raises ParameterError for the first thing that is wrong with it."""
    if not isinstance(body, dict):
        raise ParameterError("The body must be a JSON object.", None)
    try:
        return Asked.model_validate(body)
    except ValidationError as error:
        raise _refusal(dict(error.errors(include_url=False)[0])) from error


def _refusal(violation: dict[str, Any]) -> ParameterError:
    param = ".".join(str(part) for part in violation["loc"] if part != "[key]")
    match violation["type"]:
        case "extra_forbidden":
            return ParameterError(f"There is no parameter `{param:.100}` here.", param[:100], "unknown_parameter")
        case "missing":
            return ParameterError(f"`{param}` is missing.", param, "missing_required_parameter")
        case "model_type" | "dict_type":
            return ParameterError(f"`{param:.100}` is {violation['input']!r:.80}: it must be an object.", param[:100])
    if param == "metadata":
        return ParameterError(f"`metadata` has {len(violation['input'])} names. At most {MOST_LABELS} are kept.", param)
    if param == "integrations":
        return ParameterError("There are no `integrations` here. The studio has trackers of its own.", param)
    if param == "method.type":
        text = f"`method.type` is {violation['input']!r:.60}. There are `supervised` and `dpo`."
        return ParameterError(text, param)
    message = str(violation["msg"]).removeprefix("Value error, ")
    return ParameterError(f"`{param:.100}` is {violation['input']!r:.80}: {message}.", param[:100] or None)
