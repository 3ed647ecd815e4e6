"""Fills a big home further: evaluations, registry, snippets, sweeps, notes, notices, chats, requests, answers.

Like big_home it imports nothing but `storage`, and runs as a script after it: `python big_proof.py FILE`, where the
JSON file says how many of each and what one report and the trials of one sweep look like (`Looks`). Nothing that is
stored here makes the reconciler start a process.
"""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update
from sqlmodel import Session, col

from storage import db
from storage.statuses import SweepStatus, WorkStatus
from storage.tables import (
    DEFAULT_PROJECT,
    Benchmark,
    Chat,
    Delivery,
    Evaluation,
    LoggedRequest,
    Message,
    ModelAlias,
    ModelVersion,
    Notification,
    NotificationSink,
    NotificationState,
    RegisteredModel,
    RegistryMove,
    Run,
    Sample,
    Snippet,
    SnippetVersion,
    Sweep,
    SweepTrial,
    Transition,
    Usage,
)  # fmt: skip

HOUR, DAY = 3600.0, 86_400.0
TRIALS = 20
STEPS, PROMPTS = 200, 5  # of the answers of the run that is looked at
RUN = "r5"  # of big_home: it has answers, a report, a history
NAME = "kept-0"  # the name that has all the versions
SNIPPET = "s0"  # has a hundred versions
SWEEP = "sw0"
EVALUATION = "e0"


@dataclass(frozen=True)
class Looks:
    """What a report and a sweep look like; made where the engine may be imported."""

    report: dict[str, Any]
    sweep: dict[str, Any]  # spec and trials


@dataclass(frozen=True)
class MoreSizes:
    """How many of each."""

    evaluations: int = 500
    names: int = 100
    versions: int = 300
    snippets: int = 2_000
    sweeps: int = 500
    notes: int = 1_000
    notices: int = 1_000
    chats: int = 1_000
    requests: int = 20_000
    benchmarks: int = 300


def fill(session: Session, sizes: MoreSizes, looks: Looks, runs: int, models: int) -> None:
    """Adds all of it to a home that big_home has filled, in the caller's transaction."""
    now = time.time()
    for table, rows in (
        (Evaluation, _evaluations(sizes, looks, runs, now)),
        (RegisteredModel, _names(sizes, now)),
        (ModelVersion, _versions(sizes, models, now)),
        (ModelAlias, _aliases(sizes)),
        (RegistryMove, _moves(sizes, now)),
        (Snippet, _snippets(sizes, now)),
        (SnippetVersion, _snippet_versions(sizes, now)),
        (Sweep, _sweeps(sizes, looks, now)),
        (SweepTrial, _trials(sizes, looks)),
        (Notification, _notices(sizes, now)),
        (NotificationSink, _sinks()),
        (Delivery, _deliveries(sizes, now)),
        (Chat, _chats(sizes, now)),
        (Message, _messages(sizes, now)),
        (LoggedRequest, _requests(sizes, now)),
        (Usage, _usage(now)),
        (Benchmark, _benchmarks(sizes, now)),
        (Sample, _samples()),
        (Transition, _transitions(runs, now)),
    ):
        _add(session, table, rows)
    session.merge(NotificationState(id=1, seen_transition=10**9))  # nobody is told of all that now
    noted = [f"r{number}" for number in range(0, runs, 7)][: sizes.notes]  # of many models and datasets
    for start in range(0, len(noted), 500):
        session.execute(update(Run).where(col(Run.id).in_(noted[start : start + 500])).values(note=NOTE))


def _add(session: Session, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    made = {name: field.default_factory for name, field in table.model_fields.items() if field.default_factory}
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append({name: make() for name, make in made.items() if name not in row} | row)
        if len(batch) == 5_000:
            session.execute(insert(table), batch)
            batch = []
    if batch:
        session.execute(insert(table), batch)


def _evaluations(sizes: MoreSizes, looks: Looks, runs: int, now: float) -> Iterator[dict[str, Any]]:
    """Every other one is the report of a run, the others compare two models on a dataset."""
    for number in range(sizes.evaluations):
        run_id = RUN if number == 0 else f"r{number % runs}"
        yield {
            "id": f"e{number}", "project_id": DEFAULT_PROJECT, "name": f"measured {number}", "subject": f"run:{run_id}",
            "against": "model:m0", "run_id": run_id if number % 2 == 0 else None,
            "dataset_id": f"d{number % 100}" if number % 2 else None, "tags": [f"tag{number % 40}"],
            "status": WorkStatus.SUCCEEDED, "result": looks.report, "ended_at": now,
            "created_at": now - 60 * (sizes.evaluations - number),
        }  # fmt: skip


def _names(sizes: MoreSizes, now: float) -> Iterator[dict[str, Any]]:
    for number in range(sizes.names):
        made = sizes.versions if number == 0 else 1
        yield {"id": f"n{number}", "project_id": DEFAULT_PROJECT, "name": f"kept-{number}", "note": "kept for the shop",
               "tags": ["shop"], "versions_made": made, "updated_at": now - number}  # fmt: skip


def _versions(sizes: MoreSizes, models: int, now: float) -> Iterator[dict[str, Any]]:
    of_first = [("n0", number) for number in range(1, sizes.versions + 1)]
    for registered_id, number in [*of_first, *((f"n{name}", 1) for name in range(1, sizes.names))]:
        base = {"id": "m0", "name": "organisation/model-0", "source": "path", "source_id": "/models/0", "licence": "",
                "revision": None}  # fmt: skip
        run = {"id": f"r{5 * number}", "name": f"training {5 * number}", "step": 1000, "loss": 1.25, "recipe": {}}
        yield {
            "id": f"v{registered_id}-{number}", "registered_id": registered_id, "number": number, "kind": "adapter",
            "stage": "tested", "note": "better on the shop's questions", "tags": [f"tag{number % 40}"],
            "run_id": f"r{5 * (number % 20)}", "lineage": {"run": run, "base": base, "dataset": None},
            "files": {"adapter_model.safetensors": {"size": 10**7, "sha256": "0" * 64}}, "size_bytes": 10**7,
            "created_at": now - HOUR * (sizes.versions - number), "checked_at": now,
        }  # fmt: skip


def _aliases(sizes: MoreSizes) -> Iterator[dict[str, Any]]:
    yield {"registered_id": "n0", "alias": "production", "version_id": f"vn0-{sizes.versions}"}
    for number in range(1, sizes.names):
        yield {"registered_id": f"n{number}", "alias": "production", "version_id": f"vn{number}-1"}


def _moves(sizes: MoreSizes, now: float) -> Iterator[dict[str, Any]]:
    for number in range(1, sizes.versions + 1):
        yield {"registered_id": "n0", "at": now - HOUR * (sizes.versions - number), "action": "moved",
               "who": "somebody", "alias": "production", "before": number - 1 or None, "after": number,
               "why": "it was better"}  # fmt: skip


def _snippets(sizes: MoreSizes, now: float) -> Iterator[dict[str, Any]]:
    for number in range(sizes.snippets):
        yield {"id": f"s{number}", "project_id": DEFAULT_PROJECT, "name": f"sums of sales {number}",
               "language": "python", "task": "add up the sales of a month", "updated_at": now - number}  # fmt: skip


def _snippet_versions(sizes: MoreSizes, now: float) -> Iterator[dict[str, Any]]:
    code = {"main.py": "print(sum(range(10)))\n" * 40}
    for number in range(sizes.snippets):
        for version in range(1, (100 if number == 0 else 2) + 1):
            yield {"id": f"sv{number}-{version}", "snippet_id": f"s{number}", "number": version, "files_json": code,
                   "model": "tiny", "action": "write", "answer": "Here it is." * 20, "created_at": now}  # fmt: skip


def _sweeps(sizes: MoreSizes, looks: Looks, now: float) -> Iterator[dict[str, Any]]:
    for number in range(sizes.sweeps):
        began = now - HOUR * (sizes.sweeps - number)
        yield {"id": f"sw{number}", "project_id": DEFAULT_PROJECT, "name": f"better settings {number}",
               "spec": looks.sweep["spec"], "status": SweepStatus.SUCCEEDED, "goal": TRIALS, "created_at": began,
               "started_at": began, "ended_at": began + 1800}  # fmt: skip


def _trials(sizes: MoreSizes, looks: Looks) -> Iterator[dict[str, Any]]:
    told = [{name: one.get(name) for name in TOLD} for one in looks.sweep["trials"][:TRIALS]]
    for number in range(sizes.sweeps):
        for trial in told:
            yield {**trial, "run_id": None, "sweep_id": f"sw{number}", "is_put_away": True}


TOLD = ("number", "params", "phase", "of", "state", "reason", "values", "steps", "started_at", "ended_at", "tokens")


def _notices(sizes: MoreSizes, now: float) -> Iterator[dict[str, Any]]:
    for number in range(sizes.notices):
        yield {"id": number + 1, "key": f"bench {number}", "kind": "finished", "run_id": f"r{number}",
               "title": f"training {number} has finished", "text": "Loss 1.25 after 1,000 steps.",
               "at": now - 60 * (sizes.notices - number)}  # fmt: skip


def _sinks() -> Iterator[dict[str, Any]]:
    for number in range(5):
        yield {"id": f"k{number}", "name": f"channel {number}", "service": "webhook", "enabled": False,
               "kinds": ["finished"], "options": {"url": "https://example.org/hook"}}  # fmt: skip


def _deliveries(sizes: MoreSizes, now: float) -> Iterator[dict[str, Any]]:
    for number in range(sizes.notices):
        yield {"message_id": f"msg{number}", "notification_id": number + 1, "sink_id": "k0", "state": "sent",
               "attempts": 1, "due_at": now, "ended_at": now, "outcome": "200"}  # fmt: skip


def _chats(sizes: MoreSizes, now: float) -> Iterator[dict[str, Any]]:
    for number in range(sizes.chats):
        yield {"id": f"c{number}", "project_id": DEFAULT_PROJECT, "title": f"How do I add up {number} numbers?",
               "created_at": now - number}  # fmt: skip


def _messages(sizes: MoreSizes, now: float) -> Iterator[dict[str, Any]]:
    for number in range(sizes.chats):
        for turn in range(6):
            yield {"chat_id": f"c{number}", "side": ("user", "tuned", "base")[turn % 3], "model": "tiny",
                   "content": "one two three " * 30, "created_at": now - number + turn / 10}  # fmt: skip


def _requests(sizes: MoreSizes, now: float) -> Iterator[dict[str, Any]]:
    for number in range(sizes.requests):
        yield {"at": now - 10 * number, "key_id": f"k{number % 20}", "endpoint_id": f"e{number % 60}", "status": 200,
               "model": f"endpoint-{number % 60}", "route": "chat/completions", "seconds": 0.2,
               "prompt_tokens": 100, "completion_tokens": 50}  # fmt: skip


def _usage(now: float) -> Iterator[dict[str, Any]]:
    for back in range(90):
        day = time.strftime("%Y-%m-%d", time.gmtime(now - back * DAY))
        for number in range(60):
            yield {"day": day, "key_id": f"k{number % 20}", "model": f"endpoint-{number}", "requests": 100,
                   "prompt_tokens": 10_000, "completion_tokens": 5_000}  # fmt: skip


def _benchmarks(sizes: MoreSizes, now: float) -> Iterator[dict[str, Any]]:
    for number in range(sizes.benchmarks):
        yield {"id": f"b{number}", "project_id": DEFAULT_PROJECT, "endpoint_id": f"e{number % 60}", "model": "tiny",
               "endpoint_name": f"endpoint-{number % 60}", "load": LOAD, "status": WorkStatus.STOPPED,
               "created_at": now - HOUR * number, "ended_at": now}  # fmt: skip


def _samples() -> Iterator[dict[str, Any]]:
    for step in range(STEPS):
        for number in range(PROMPTS):
            yield {"run_id": RUN, "step": 5 * step, "number": number, "prompt": f"What is {number} plus {number}?",
                   "answer": f"{number} plus {number} equals {2 * number}. " * 10, "tokens": 90}  # fmt: skip


def _transitions(runs: int, now: float) -> Iterator[dict[str, Any]]:
    """Two of every run; the run that is looked at was resumed a hundred times."""
    for number in range(runs):
        attempts = 100 if f"r{number}" == RUN else 1
        for attempt in range(1, attempts + 1):
            for place, (before, after) in enumerate((("queued", "starting"), ("starting", "running"))):
                yield {"subject_id": f"r{number}", "attempt": attempt, "sequence": 2 * attempt + place,
                       "before": before, "after": after, "reason": "its turn", "at": now - HOUR}  # fmt: skip


LOAD: dict[str, Any] = {
    "concurrency": [1, 4], "rate": None, "prompts": 64, "seconds": None, "until_saturated": False, "warmup": 2,
    "repeats": 1, "dataset_id": None, "input_tokens": 128, "output_tokens": 64, "ignore_eos": True, "goodput": {},
    "request_timeout": 300.0, "seed": 0,
}  # fmt: skip
NOTE = "**Better** than the one before: see [the report](/runs?tab=report).\n\n- longer answers\n- the same rows\n" * 5


def looks_of(report: dict[str, Any], sweep: Path) -> Looks:
    """From a report, and from the file of a recorded sweep."""
    return Looks(report, json.loads(sweep.read_text(encoding="utf-8")))


def main(arguments: Sequence[str]) -> None:
    asked = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    with db.session() as one_transaction:
        fill(one_transaction, MoreSizes(**asked["sizes"]), Looks(**asked["looks"]), asked["runs"], asked["models"])


if __name__ == "__main__":
    main(sys.argv[1:])
