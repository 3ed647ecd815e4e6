"""What the studio learns from a run's events: metrics, progress, facts. Reading the same bytes twice changes nothing.

The row holds the byte offset up to which the file was read. It moves in the same transaction as everything read.
"""

import math
from collections.abc import Iterator
from typing import Any

from engine.process import events
from engine.process.attempts import Seen
from engine.runs.metric_groups import WALL_TIME
from storage import db, runs, transitions
from storage.samples import queries as samples
from storage.statuses import RunStatus
from storage.tables import Run, RunFacts

NOTES_KEPT = 50


def take_in(run: Run, seen: Seen) -> Run | None:
    """Imports what was seen in the run's events since `run.events_offset` and returns the row after that.

    None when the row has moved on meanwhile: somebody else was faster.
    """
    with db.session() as session:
        row = session.get(Run, run.id, with_for_update=True)
        if row is None or (row.events_offset, row.attempt) != (run.events_offset, run.attempt):
            return None
        runs.add_metrics(session, _points(row.id, seen.events))
        samples.add(session, _answers(row.id, seen.events))
        for event in seen.events:
            _apply(row, event)
        row.events_offset = seen.offset
        session.flush()
        begun = any(isinstance(event, events.Started | events.Step) for event in seen.events)
        if begun and row.status == RunStatus.STARTING:
            transitions.move_run(session, row, RunStatus.STARTING, RunStatus.RUNNING, "the training has begun")
            session.refresh(row)
    return row


def _points(run_id: str, new_events: list[events.Event]) -> Iterator[tuple[str, str, int, float]]:
    for event in new_events:
        if isinstance(event, events.Step):
            values = event.metrics | {WALL_TIME: event.at}
            yield from ((run_id, name, event.step, value) for name, value in values.items() if math.isfinite(value))


def _answers(run_id: str, new_events: list[events.Event]) -> Iterator[dict[str, Any]]:
    for event in new_events:
        if isinstance(event, events.Answered):
            for number, one in enumerate(event.answers):
                yield {"run_id": run_id, "step": event.step, "number": number, **one.model_dump()}


def _apply(run: Run, event: events.Event) -> None:
    match event:
        case events.Started():
            run.max_steps = event.total_steps or run.max_steps
            _add_facts(run, RunFacts.model_validate(event.facts | {"pace": None, "stage": "training"}))
        case events.Progress():
            _add_facts(run, RunFacts(stage=event.stage))
        case events.Step():
            _step(run, event)
        case events.Saved():
            _add_facts(run, RunFacts(checkpoint=event.step))
        case events.Answered():
            _add_facts(run, RunFacts(answering=event.cost))
        case events.Note():
            note(run, event.message)
        case events.Finished() | events.Failed():
            _add_facts(run, RunFacts(ending=event.model_dump(mode="json")))


def _step(run: Run, event: events.Step) -> None:
    run.step = event.step
    if "loss" in event.metrics:
        loss = event.metrics["loss"]
        run.loss = loss if math.isfinite(loss) else None
        if run.loss is None:
            note(run, f"The loss was {loss} at step {event.step}. A lower learning_rate may help.")
    speed = event.metrics.get("tokens_per_second", math.nan)
    run.tokens_per_second = speed if math.isfinite(speed) else run.tokens_per_second
    if not run.facts.pace:
        _add_facts(run, RunFacts(pace=(event.step, event.at)))
        return
    first_step, first_at = run.facts.pace
    if run.max_steps and event.step > first_step:
        seconds_a_step = (event.at - first_at) / (event.step - first_step)
        run.eta_seconds = max(0.0, seconds_a_step * (run.max_steps - event.step))


def _add_facts(run: Run, facts: RunFacts) -> None:
    run.facts = run.facts.merged(facts)


def note(run: Run, message: str) -> None:
    """Keeps something the user should know; the page of the run shows it."""
    others = [text for text in run.facts.notes if text != message]
    _add_facts(run, RunFacts(notes=[*others, message][-NOTES_KEPT:]))
