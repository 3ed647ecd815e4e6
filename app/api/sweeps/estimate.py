"""What a sweep will take and cost, over REST, before it starts."""

from fastapi import APIRouter
from pydantic import Field

from app.answers.errors import NOT_FOUND
from app.answers.fields import Answer
from app.api.sweeps.sweeps import SweepBody
from app.api.train.spending import SpendingAnswer
from engine.sweeps import cost
from engine.sweeps.cost import Limit
from engine.train.forecast import Source

router = APIRouter(prefix="/sweeps", tags=["sweeps"])


class SweepEstimateAnswer(Answer):
    trials: int | None = Field(description="Trials that the budget allows; null before the time of one is known.")
    limited_by: Limit | None = Field(description="What ends the search: trials, seconds, tokens or grid.")
    side_by_side: int = Field(description="How many train at once: as asked for, and as the devices allow.")
    trial_seconds: tuple[float, float] | None = Field(description="The shortest and the longest trial looked at.")
    trial_tokens: float | None = Field(description="Tokens a trial learns from, in the mean.")
    full: int = Field(description="Trials that are trained in full after the search.")
    repeats: int = Field(description="Further trainings of the best, with other seeds.")
    seconds: float | None = Field(description="From the start to the end, if no trial is ended early.")
    source: Source = Field(description="measured by a probe of the recipe, or an estimate.")
    basis: str = Field(description="What the time was calculated from.")
    spending: SpendingAnswer | None = Field(description="Energy and cost of all of it; null where no recipe holds.")


@router.post("/estimate", summary="Estimate a sweep", responses=NOT_FOUND)
def estimate_sweep(body: SweepBody) -> SweepEstimateAnswer:
    """How many trials its budget allows, how long it will take, and its energy and cost. Starts nothing."""
    estimate = cost.ahead(body.spec())
    same = ("trials", "limited_by", "side_by_side", "full", "repeats", "seconds", "source", "basis")
    return SweepEstimateAnswer(
        **{name: getattr(estimate, name) for name in same},
        trial_seconds=estimate.each,
        trial_tokens=estimate.tokens,
        spending=SpendingAnswer.of(estimate.spending) if estimate.spending else None,
    )
