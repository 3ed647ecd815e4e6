"""What an endpoint's life looks like over REST: its sleep, a deployment on trial, answers to golden prompts."""

from typing import Literal

from pydantic import Field

from app.answers.fields import Answer


class TrialSide(Answer):
    """What one version did while the trial lasted."""

    requests: int = Field(description="Requests that ended; those that the client got wrong are left out.")
    errors: int = Field(description="How many of them failed.")
    stream_seconds: float | None = Field(description="Median time to the first piece of a stream.")
    whole_seconds: float | None = Field(description="Median time of an answer that is not streamed.")


class CanaryAnswer(Answer):
    """A new version that answers a share of the requests, to be tried."""

    backend_id: str = Field(description="The backend on trial.")
    share: float | None = Field(description="Its share of the requests.")
    seconds: int = Field(description="How long the trial lasts at least.")
    since: float = Field(description="When it began; seconds since 1970, UTC.")
    word: Literal["on", "back", "promote"] = Field(description="on: not decided; back: it went; promote: it took over.")
    reason: str = Field(description="Why it was decided so.")
    blue: TrialSide = Field(description="The version before.")
    green: TrialSide = Field(description="The version on trial.")


class GoldenAnswer(Answer):
    """A golden prompt with what was expected and what the new version answered."""

    prompt: str = Field(description="What was asked.")
    expected: str | None = Field(description="What had to be answered, or what the version before answered.")
    answer: str | None = Field(description="What the new version answered; null when it did not.")
    same: bool | None = Field(description="Whether both are equal; null when nothing was expected.")
    required: bool = Field(description="Whether another answer stops the deployment.")


class SilenceAnswer(Answer):
    """An outside server that is ready and does not answer. Requests are passed on to it all the same."""

    since: float = Field(description="Since when; seconds since 1970, UTC.")
    reason: str = Field(description="What went wrong when it was asked last.")


class LifeAnswer(Answer):
    """An endpoint's sleep, whether an outside server answers, and how its newest deployment goes or went."""

    last_used_at: float | None = Field(description="When a request came for it last; null: not yet.")
    idle_minutes: float | None = Field(description="It sleeps after so long without a request; null: never.")
    asleep_at: float | None = Field(description="Since when it sleeps; the next request wakes it.")
    waits_since: float | None = Field(description="Since when requests wait for what is on its way.")
    waiting: int = Field(description="How many requests wait now.")
    silent: SilenceAnswer | None = Field(
        default=None, description="Set while an outside server does not answer; null: it does, or is not outside."
    )
    way: Literal["beside", "replace"] | None = Field(
        description="How the newest deployment takes over: beside the old version, or in its place."
    )
    canary: CanaryAnswer | None = Field(description="The newest deployment's trial.")
    golden: list[GoldenAnswer] = Field(description="The newest deployment's golden prompts.")


class PlanAnswer(Answer):
    """How a deployment would go."""

    way: Literal["beside", "replace"] = Field(
        description="beside: no request waits. replace: the old one is stopped first."
    )
    need_bytes: int | None = Field(description="Memory the new version takes, estimated.")
    free_bytes: int | None = Field(description="Memory that is free on its device.")
    says: str = Field(description="The same in words.")
