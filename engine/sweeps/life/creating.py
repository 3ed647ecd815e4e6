"""A sweep from what somebody asks for: checked, with what earlier sweeps of the same space have taught."""

import time

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from engine import names
from engine.errors import ConflictError, RefusedError
from engine.existing import existing
from engine.runs import supervision
from engine.sweeps import space, trial_recipes
from engine.sweeps.life import studies
from engine.sweeps.spec import MOST_TRIALS, TASTE, Objective, SweepSpec
from engine.sweeps.study import Trial
from engine.train import check
from storage import datasets, db, models
from storage.sweeps import sweeps as stored
from storage.tables import DEFAULT_PROJECT, Project, Sweep, SweepTrial

MOST_WARM = MOST_TRIALS


def create(spec: SweepSpec, project_id: str = DEFAULT_PROJECT) -> Sweep:
    """Writes the sweep down; the next round begins it.

    Raises RefusedError for what cannot work, ConflictError when the project has a sweep of that name or the disk is
    nearly full, NotFoundError.
    """
    spec = _turned_by_taste(spec.model_copy(update={"name": names.checked(spec.name, "sweep")}))
    with db.reading() as session:
        existing(session, Project, project_id)
        _refuse_taken(session, project_id, spec.name)
        model = models.get(session, str(spec.recipe.get("model_id", "")))
        dataset = datasets.get(session, str(spec.recipe.get("dataset_id", "")))
        warm = [trial for sweep_id in spec.warm_from for trial in _taught(session, sweep_id, spec)]
    check.refuse(space.check(spec, model, dataset))
    supervision.check_space()
    sweep = Sweep(project_id=project_id, name=spec.name, spec=spec.model_dump(mode="json"), goal=spec.budget.trials)
    try:
        with db.session() as session:
            _refuse_taken(session, project_id, spec.name)
            session.add(sweep)
            session.flush()
            session.add_all(_warm_rows(sweep.id, warm[:MOST_WARM]))
    except IntegrityError as error:  # another process took the name in the same instant
        raise _taken(spec.name) from error
    return sweep


def _turned_by_taste(spec: SweepSpec) -> SweepSpec:
    """Scores of what people picked are better when they are greater, whatever was written."""
    if not studies.is_by_taste(spec):
        return spec
    turned = tuple(
        Objective(metric=TASTE, direction="maximize") if one.metric == TASTE else one for one in spec.objectives
    )
    return spec.model_copy(update={"objective": turned[0] if len(turned) == 1 else turned})


def _refuse_taken(session: Session, project_id: str, name: str) -> None:
    if stored.by_name(session, project_id, name) is not None:
        raise _taken(name)


def _taken(name: str) -> ConflictError:
    return ConflictError(f"There is a sweep named `{name}` in this project already.", "Choose another name.")


def _taught(session: Session, sweep_id: str, spec: SweepSpec) -> list[Trial]:
    """The finished trials of an earlier sweep that lie in this space. Raises RefusedError, NotFoundError."""
    earlier = existing(session, Sweep, sweep_id)
    other = studies.spec_of(earlier)
    if set(other.space) != set(spec.space) or other.objectives != spec.objectives:
        hint = "Begin from sweeps of the same fields and the same objective."
        raise RefusedError(f"The sweep `{earlier.name}` searched other fields or another objective.", hint)
    trials = [
        trial
        for trial in studies.of_sweep(session, earlier, other)
        if trial.state == "complete" and trial.phase in ("search", "warm") and trial.values
        if all(trial_recipes.contains(part, trial.params.get(name)) for name, part in spec.space.items())
    ]
    if not trials:
        hint = "Widen the space, or begin without it."
        raise RefusedError(f"No finished trial of the sweep `{earlier.name}` is in this space.", hint)
    return trials


def _warm_rows(sweep_id: str, trials: list[Trial]) -> list[SweepTrial]:
    now = time.time()
    return [
        SweepTrial(
            sweep_id=sweep_id, number=number, state="complete", phase="warm", params=dict(trial.params),
            run_id=trial.run_id, values=list(trial.values or ()), is_put_away=True, started_at=now, ended_at=now,
            steps={str(step): value for step, value in trial.steps.items()},
        )
        for number, trial in enumerate(trials)
    ]  # fmt: skip
