"""`tunesmith report` and `tunesmith evaluate`: whether a training helped, and any two models compared, as a table."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from app.cli import running_studio
from app.cli.called import DATASET, SUBJECT, RunName
from app.cli.printed import as_json, say, say_json
from engine.errors import TunesmithError
from engine.evaluate import evaluations, reports
from engine.evaluate.evaluations import Wanted
from storage import db
from storage.statuses import WORK_MOVING

AllRows = Annotated[bool, typer.Option("--all-rows", help="Every row, however long that takes.")]
MOVING = [str(status) for status in WORK_MOVING]


def report(
    run_id: RunName,
    again: Annotated[
        bool, typer.Option("--again", help="Write another one. The first stays the one that counts.")
    ] = False,
    all_rows: AllRows = False,
) -> None:
    """Say whether a training helped, and how sure that is; wait for the report if it is not written yet."""
    db.prepare()
    result = reports.of_run(run_id)
    if again or all_rows or not result["reports"]:
        result = reports.again(run_id, all_rows)
    show(_waited(lambda: reports.of_run(run_id), result))


def evaluate(
    subject: Annotated[
        str,
        typer.Argument(help="What is judged: run:RUN, run:RUN@STEP or model:MODEL, by name or id.", **SUBJECT),
    ],
    against: Annotated[
        str | None,
        typer.Option(help="What with; what its training began with when left out.", **SUBJECT),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="Rows of a dataset; the rows that the run held out by default.", **DATASET),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Rows at most; as many as time allows when left out.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides which rows, and the intervals.")] = 0,
) -> None:
    """Compare two models on the same rows, and say which is better and how sure that is."""
    db.prepare()
    request = Wanted(
        f"{subject} against {against or 'its base'}"[:120], subject,
        against=against, dataset_id=dataset, limit=limit, seed=seed,
    )  # fmt: skip
    made = evaluations.create(request)
    show(_waited(lambda: evaluations.result(evaluations.look_up(made.id)), evaluations.result(made)))


def _waited(look: Callable[[], dict[str, Any]], result: dict[str, Any]) -> dict[str, Any]:
    """The report when it is written. Who moves it on is a running studio, or this process until then."""
    if result["status"] not in MOVING:
        return result
    with running_studio.engine(True):
        return running_studio.follow(look, lambda now: now["status"] not in MOVING, _line, _say_progress)


def _line(result: dict[str, Any]) -> str:
    return f"{result['status']} {result['stage']}".strip()


def _say_progress(line: str) -> None:
    say(line, err=True)


def show(result: dict[str, Any]) -> None:
    """A report that succeeded, as words or JSON. Raises TunesmithError for another one."""
    if as_json():
        say_json(result)
    if result["status"] != "succeeded":
        raise TunesmithError(result["error"] or "There is no report.", result["hint"] or "")
    if not as_json():
        _say(result)


def _say(result: dict[str, Any]) -> None:
    say(result["sentence"])
    for metric in result["metrics"]:
        say(_metric_line(metric))
    if skills := result["skills"]:
        lost = f", {skills['verdict']}" if skills["verdict"] else ""
        say(f"{'general skill':<22} {skills['base']:>9.3g} -> {skills['tuned']:<9.3g}{lost}")
    if (leakage := result["leakage"]) and leakage["exact"] + leakage["near"]:
        say(f"Of {leakage['checked']:,} rows {leakage['exact']:,} were learnt, {leakage['near']:,} nearly.")
    if result["hint"]:
        say(result["hint"])


def _metric_line(metric: dict[str, Any]) -> str:
    if metric["base"] is None or metric["tuned"] is None:
        return f"{metric['title']:<22} no row could be measured"
    span = "" if metric["low"] is None else f"  [{metric['low']:+.3g}, {metric['high']:+.3g}]"
    verdict = f"  {metric['verdict']}" if metric["verdict"] else ""
    return f"{metric['title']:<22} {metric['base']:>9.3g} -> {metric['tuned']:<9.3g}{span}{verdict}"
