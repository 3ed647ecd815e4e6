"""How a deployment takes over: at once or after a trial, beside the old backend or in its place, checked by prompts."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from engine.errors import RefusedError
from engine.recipes import recipe
from storage.tables import Backend

MOST_GOLDEN = 50

Way = Literal["auto", "beside", "replace"]


class Golden(BaseModel):
    """A prompt whose answer is compared before a deployment takes over."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str = Field(min_length=1, max_length=20_000, description="What is asked, as a chat of one turn.")
    answer: str | None = Field(
        default=None,
        max_length=20_000,
        description="What has to be answered: another answer stops the deployment. When left out, the answer of the "
        "version before is recorded, and a difference is only shown.",
    )
    max_tokens: int = Field(default=64, ge=1, le=1024, description="Longest answer in tokens.")


def _as_golden(value: Any) -> Any:
    return {"prompt": value} if isinstance(value, str) else value


class Rollout(BaseModel):
    """What is asked of a deployment beside what it serves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    canary: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Share of the requests that the new version answers on trial, such as 0.1. It goes back by itself "
        "when it fails more often or answers later than the version before, and takes over when it holds. "
        "When left out, it takes over as soon as it has proved itself.",
    )
    canary_seconds: int = Field(default=120, ge=1, le=86_400, description="How long the trial lasts at least.")
    golden: list[Annotated[Golden, BeforeValidator(_as_golden)]] = Field(
        default=[],
        max_length=MOST_GOLDEN,
        description="Prompts whose greedy answers are compared before it takes over: texts, or objects.",
    )
    parity: bool = Field(
        default=False,
        description="Whether it is compared with the trained form first, token by token. More difference than rounding "
        "explains stops the deployment.",
    )
    way: Way = Field(
        default="auto",
        description="beside: both are in memory for a while. replace: the old one is stopped first, and requests "
        "wait. auto chooses by the memory that is free.",
    )


def checked(values: dict[str, Any]) -> Rollout:
    """What was asked, checked. Raises RefusedError, a line for each mistake."""
    try:
        return Rollout.model_validate(values)
    except ValidationError as error:
        raise RefusedError(
            "This deployment is not valid.", "\n".join(recipe.problems(error, "field", Rollout.model_fields))
        ) from error


def of(backend: Backend) -> Rollout:
    """What was asked of a backend's deployment."""
    return Rollout.model_validate({name: value for name, value in backend.rollout.items() if name in _FIELDS})


_FIELDS = frozenset(Rollout.model_fields)
