"""What is asked of an endpoint while it is measured, as data: how many at once or how often, with which prompts."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_AT_ONCE = 1024
MOST_LEVELS = 16
MOST_PROMPTS = 100_000
USUAL_PROMPTS = 64
Objective = Literal["ttft", "tpot", "e2el"]
Clients = Annotated[int, Field(ge=1, le=MOST_AT_ONCE)]


class Load(BaseModel):
    """Names follow vLLM's benchmark where it has the same thing. Times are seconds, objectives milliseconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    concurrency: tuple[Clients, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_LEVELS,
        description="Requests at once, a level each; [1, 4, 16] when neither this nor `rate` is given.",
    )
    rate: float | None = Field(
        default=None, gt=0, le=10_000, allow_inf_nan=False, description="Requests a second instead, at random moments."
    )
    prompts: int | None = Field(
        default=None, ge=1, le=MOST_PROMPTS, description="Requests of a level; 64 when `seconds` is not given either."
    )
    seconds: float | None = Field(
        default=None, gt=0, le=86_400, allow_inf_nan=False, description="No new request of a level begins after this."
    )
    until_saturated: bool = Field(
        default=False, description="Doubles the first level until output tokens a second grow by less than 5 %."
    )
    warmup: int = Field(default=2, ge=0, le=1000, description="Requests before each level that are not counted.")
    repeats: int = Field(default=1, ge=1, le=20, description="How often each level is measured.")
    dataset_id: str | None = Field(
        default=None, pattern=r"^[0-9a-z-]{1,64}$", description="Prompts from its rows; random words when left out."
    )
    input_tokens: int = Field(
        default=128, ge=1, le=1_000_000, description="Length of a prompt of random words, as the server counts it."
    )
    output_tokens: int = Field(default=64, ge=1, le=100_000, description="Length of an answer.")
    ignore_eos: bool = Field(
        default=True, description="Answers go on to their full length. An API somewhere else is never asked for this."
    )
    goodput: dict[Objective, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        default={}, description="Objective in ms, such as {ttft: 200, tpot: 50}: requests a second that meet all of it."
    )
    request_timeout: float = Field(
        default=300, gt=0, le=3600, allow_inf_nan=False, description="A request that takes longer counts as failed."
    )
    seed: int = Field(default=0, ge=0, lt=2**31, description="The same seed gives the same prompts and moments.")

    @model_validator(mode="after")
    def _one_way(self) -> "Load":
        if self.rate is not None and self.concurrency is not None:
            raise ValueError("`concurrency` and `rate` exclude each other: leave one out")
        if self.rate is not None and self.until_saturated:
            raise ValueError("`until_saturated` needs `concurrency`: leave `rate` out")
        return self

    def levels(self) -> tuple[int, ...]:
        """Requests at once of each level, rising, each once; none with a rate."""
        return () if self.rate is not None else tuple(sorted(set(self.concurrency or (1, 4, 16))))

    def requests(self) -> int:
        """The most requests of a level."""
        return self.prompts or (MOST_PROMPTS if self.seconds else USUAL_PROMPTS)
