"""What runs answer to fixed prompts while they train: the prompts of a project, and the timeline of a run's answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.existing import existing
from engine.recipes import fixed_prompts
from storage import db, home
from storage.samples import queries
from storage.sweeps import sweeps
from storage.tables import Project, Run
from storage.tables import Sample as Row


@dataclass(frozen=True)
class Sample:
    """What the weights of a step say to a prompt. `is_cut`: the answer had not come to its end."""

    step: int
    prompt: str
    answer: str
    tokens: int
    is_cut: bool = False


@dataclass(frozen=True)
class Timeline:
    """One step of the `places` that have answers, with those of the first step and of the step before."""

    places: int = 0
    place: int = 0  # counted from 1; 0 while there is none
    step: int = 0
    here: list[Sample] = field(default_factory=list)
    first: list[Sample] = field(default_factory=list)
    before: list[Sample] = field(default_factory=list)
    before_step: int | None = None
    last_step: int = 0


def of_run(run_id: str, limit: int | None = None, offset: int = 0) -> list[Sample]:
    """The answers by step, and within a step in the order of the prompts. Raises NotFoundError."""
    with db.reading() as session:
        existing(session, Run, run_id)
        return [_sample(row) for row in queries.listed(session, run_id, limit, offset)]


def count(run_id: str) -> int:
    """Answers of a run."""
    with db.reading() as session:
        return queries.count(session, run_id)


def last_of_each(run_ids: Iterable[str]) -> dict[str, list[Sample]]:
    """The newest answers of each run; none where there are none."""
    newest: dict[str, list[Sample]] = {}
    with db.reading() as session:
        for run_id in run_ids:
            step = queries.last_step(session, run_id)
            rows = [] if step is None else queries.of_step(session, run_id, step)
            newest[run_id] = [_sample(row) for row in rows]
    return newest


def timeline(run_id: str, place: int | None = None) -> Timeline:
    """The answers at a place, counted from 1: the newest ones where it is None, or beyond them."""
    with db.reading() as session:
        places = queries.steps(session, run_id)
        if not places:
            return Timeline()
        here = min(max(place or places, 1), places)
        first, step = queries.step_at(session, run_id, 1), queries.step_at(session, run_id, here)
        before = queries.step_at(session, run_id, here - 1) if here > 1 else None
        by_place = {
            number: [_sample(row) for row in queries.of_step(session, run_id, number)]
            for number in (first, before, step)
            if number is not None
        }
        last = queries.last_step(session, run_id) or step
    earlier = [] if before is None else by_place[before]
    return Timeline(places, here, step, by_place[step], by_place[first], earlier, before, last)


def prompts_of(project_id: str) -> list[str]:
    """The fixed prompts of a project; none where held-out rows are asked. Raises NotFoundError."""
    with db.reading() as session:
        return list(existing(session, Project, project_id).prompts)


def set_prompts(project_id: str, prompts: Sequence[str]) -> list[str]:
    """Gives a project other prompts: 3 to 10 of them, or none. Trainings that have begun keep theirs.

    Raises NotFoundError; RefusedError for prompts that cannot be asked.
    """
    checked = fixed_prompts.checked(prompts)
    with db.session() as session:
        existing(session, Project, project_id).prompts = checked
    return checked


def spec_part(run: Run) -> dict[str, Any]:
    """What the worker is told of them. Trials of a sweep answer nothing, unless a person picks by their answers."""
    if run.facts.trial_of and not _is_picked_by_taste(run.facts.trial_of):
        return {}
    prompts = prompts_of(run.project_id)
    folder, free = str(home.answers()), fixed_prompts.FREE_SECONDS
    return {"samples": {"prompts": prompts, "answers": folder, "free_seconds": free}}


def _is_picked_by_taste(sweep_id: str) -> bool:
    with db.reading() as session:
        return sweeps.is_by_taste(session, sweep_id)


def _sample(row: Row) -> Sample:
    return Sample(row.step, row.prompt, row.answer, row.tokens, row.is_cut)
