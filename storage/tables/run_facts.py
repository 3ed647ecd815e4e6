"""What is known of a run beside its own columns: where its recipe came from, what its worker found, how it went."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, ValidatorFunctionWrapHandler, field_validator
from sqlalchemy import JSON, Dialect
from sqlalchemy.types import TypeDecorator


class Adjustment(BaseModel):
    """One time that less memory was tried."""

    model_config = ConfigDict(frozen=True, extra="allow")

    attempt: int
    step: int
    words: str


class Stuck(BaseModel):
    """The last time that an attempt lived and made no step."""

    model_config = ConfigDict(frozen=True, extra="allow")

    attempt: int
    step: int
    since: float  # seconds since 1970: its last sign of life
    asked_at: float  # when its processes were asked what they do
    ended: bool = False  # by the studio, to be resumed


class RunFacts(BaseModel):
    """Read by attributes, changed by `merged`. Facts that another version of the studio wrote are kept as they are."""

    model_config = ConfigDict(frozen=True, extra="allow")

    # Where the recipe came from
    origins: dict[str, str] = {}  # field -> origin, of the values that are not the default
    repeats: str | None = None  # the run whose recipe it began with
    trial_of: str | None = None  # the sweep that it is a trial of: nobody reads a report on each of them
    report_dataset_id: str | None = None  # judged by this dataset, instead of rows held out
    judged_by: str | None = None  # the one measure that decides whether it helped, named before the start

    # Its attempts before this one
    began_at: float | None = None  # when the first one did, in seconds since 1970
    seconds_before: float = 0.0  # how long their processes ran, all together

    # How it goes
    stage: str | None = None  # what the worker does: loading, tokenising, training, saving
    stuck_since: float | None = None  # the worker's last sign of life, if that is too long ago
    stuck: Stuck | None = None  # the last time it was so
    pace: tuple[int, float] | None = None  # the first step of this attempt, and when it was done
    checkpoint: int | None = None  # step of the last one
    notes: list[str] = []  # what the user should know, the newest last
    adjustments: dict[str, Any] = {}  # recipe field -> value, laid over the recipe by every later attempt
    healed: list[Adjustment] = []
    answering: dict[str, Any] = {}  # what answers to the fixed prompts cost: seconds, training_seconds, said
    ending: dict[str, Any] | None = None  # the worker's last event, Finished or Failed
    machine: dict[str, Any] | None = None  # what it used so far: engine.process.meter.samples.Totals
    forecast: dict[str, Any] | None = None  # what was expected before the start: seconds, memory_bytes, disk_bytes

    # What the worker found when it began
    device: str | None = None
    dtype: str | None = None
    python: str | None = None
    torch: str | None = None
    transformers: str | None = None
    trl: str | None = None
    peft: str | None = None
    trainable_parameters: int | None = None
    total_parameters: int | None = None
    rows: int | None = None
    eval_rows: int | None = None
    test_rows: int | None = None
    report_rows: str | None = None  # which held-out rows a report on the result has: test, eval (they chose it), none
    dropped_rows: int | None = None
    truncated_rows: int | None = None
    max_length: int | None = None
    fast_loss: bool | None = None
    strategy: str | None = None
    processes: int | None = None
    packing: bool | None = None
    usual_labels: float | None = None  # learnt tokens of a usual step; None where a step pulls as a whole
    attention: str | None = None
    gradient_checkpointing: bool | None = None
    liger_kernel: bool | None = None
    torch_compile: bool | None = None
    threads: int | None = None
    resumed_from_step: int | None = None
    order_changed: dict[str, list[int]] | None = None  # name -> before and since the resume: rows, rows_a_step, seed
    memory_bytes: int | None = None  # of the device, all there is

    @field_validator("*", mode="wrap")
    @classmethod
    def _of_any_version(cls, value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        """A value of another type than today's is kept: one fact must not make the whole run unreadable."""
        try:
            return validate(value)
        except ValidationError:
            return value

    def to_json(self) -> dict[str, Any]:
        """The facts that were written, as the database keeps them and REST answers them."""
        return self.model_dump(exclude_unset=True, warnings=False)

    def merged(self, newer: "RunFacts") -> "RunFacts":
        """These facts with those that `newer` has."""
        return RunFacts.model_validate(self.to_json() | newer.to_json())

    def for_next_attempt(self) -> "RunFacts":
        """What stays true when the run starts again."""
        passing = {"ending", "pace", "stage", "stuck_since"}
        return RunFacts.model_validate({name: value for name, value in self.to_json().items() if name not in passing})


class RunFactsColumn(TypeDecorator[RunFacts]):
    """JSON in the database, `RunFacts` in a row; a bulk insert may give the JSON itself."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: RunFacts | dict[str, Any] | None, dialect: Dialect) -> dict[str, Any] | None:
        return value.to_json() if isinstance(value, RunFacts) else value

    def process_result_value(self, value: Mapping[str, Any] | None, dialect: Dialect) -> RunFacts | None:
        return None if value is None else RunFacts.model_validate(value)
