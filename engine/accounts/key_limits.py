"""What a key may be limited to: models by name, requests a minute, tokens a day, a time after which it is over."""

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator

YEAR_SECONDS = 366 * 24 * 3600
MOST_NAMES = 100
_NAME = re.compile(r"[^\s\x00-\x1f,]{1,200}")


class KeyLimits(BaseModel):
    """None is no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: list[str] | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_NAMES,
        description="Names of models that the key may use; `*` is any text, as in `jokes*`. All if left out.",
    )
    requests_per_minute: int | None = Field(
        default=None, ge=1, le=100_000, description="Requests in any 60 seconds. No limit if left out."
    )
    tokens_per_day: int | None = Field(
        default=None,
        ge=1,
        le=10**12,
        description="Tokens of questions and answers in a day (UTC). No limit if left out.",
    )
    expires_in: float | None = Field(
        default=None, gt=0, le=10 * YEAR_SECONDS, description="Seconds until the key stops working. Never if left out."
    )

    @field_validator("models")
    @classmethod
    def _are_names(cls, models: list[str] | None) -> list[str] | None:
        for name in models or []:
            if not _NAME.fullmatch(name):
                raise ValueError(
                    f"{name!r:.80} cannot be the name of a model; write one name an entry, such as `jokes*`"
                )
        return models

    @property
    def is_for_v1(self) -> bool:
        """Whether it has a limit that only holds for /v1."""
        return any(limit is not None for limit in (self.models, self.requests_per_minute, self.tokens_per_day))


def allows(models: list[str] | None, name: str) -> bool:
    """Whether a key with those models may use the model of that name."""
    return models is None or any(_fits(pattern, name) for pattern in models)


def _fits(pattern: str, name: str) -> bool:
    """Whether a name is what a pattern says. No regular expression: many stars would let one take for ever."""
    first, *others = pattern.split("*")
    if not others:
        return name == pattern
    *middle, last = others
    place = len(first)
    if not name.startswith(first) or not name.endswith(last):
        return False
    for part in middle:
        at = name.find(part, place)
        if at < 0:
            return False
        place = at + len(part)
    return place <= len(name) - len(last)
