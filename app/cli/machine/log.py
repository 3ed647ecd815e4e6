"""`tunesmith log`: what any work has printed: a run, an endpoint's process, an evaluation, an export, the studio."""

import time
from pathlib import Path
from typing import Annotated

import typer

from app.cli.called import evaluation_id, run_id
from app.cli.printed import answer
from engine import called
from engine.errors import NotFoundError, RefusedError
from engine.process import output
from engine.process import work as pieces
from engine.runs import output as of_run
from engine.runtimes import runtimes
from engine.serve import printed
from engine.system import studio_log
from storage import db
from storage.tables import Backend, Benchmark, Endpoint, Evaluation, Export, Run, Work

STUDIO = "studio"
NOUNS = "run:NAME, endpoint:NAME, evaluation:NAME, studio, or the id of a benchmark, export or piece of work"
END_BYTES = 64_000


def log(
    what: Annotated[str, typer.Argument(metavar="WHAT", help=f"{NOUNS}.")],
    whole: Annotated[bool, typer.Option("--all", help="From the beginning, not only the end.")] = False,
    search: Annotated[str, typer.Option(help="Only lines with these words, whatever the case.")] = "",
    errors: Annotated[bool, typer.Option("--errors", help="Only lines that are errors.")] = False,
) -> None:
    """Print what a piece of work has written to its log."""
    db.prepare()
    if what == STUDIO:
        return _studio(search, errors)
    path = _path(what)
    if search or errors:
        lines = list(_lines(path, search, errors))
        return answer(lines, "\n".join(lines) or "No line is like that.")
    pieces_of_text, at = [], 0 if whole else -END_BYTES
    while True:
        text, end = output.text(path, at)
        pieces_of_text.append(text)
        if not text or end == at:
            break
        at = end
    text = "".join(pieces_of_text)
    return answer({"of": what, "text": text}, text.rstrip("\n") or "Nothing is written yet.")


def _lines(path: Path, search: str, errors: bool) -> list[str]:
    kept, after = list[str](), 0
    while True:
        lines = output.search(path, search, "error" if errors else None, after, 1000)
        kept += [line.text for line in lines.lines]
        if lines.next is None:
            return kept
        after = lines.next


def _path(what: str) -> Path:
    noun, colon, name = what.partition(":")
    match noun if colon else "":
        case "run":
            return of_run.path_of(run_id(name))
        case "endpoint":
            return printed.log_of(_backend(name))
        case "evaluation":
            return _of_work(evaluation_id(name))
        case _:
            return _by_id(what)


def _backend(endpoint: str) -> str:
    with db.reading() as session:
        row = called.find(session, Endpoint, endpoint)
    if row.active_backend_id is None:
        raise RefusedError(f"The endpoint `{row.name}` has no process yet.", "Wait until it starts.")
    return row.active_backend_id


def _by_id(what: str) -> Path:
    with db.reading() as session:
        if session.get(Run, what) is not None:
            return of_run.path_of(what)
        if session.get(Backend, what) is not None:
            return printed.log_of(what)
        if (endpoint := session.get(Endpoint, what)) is not None:
            return printed.log_of(_backend(endpoint.id))
    return _of_work(what)


def _of_work(id: str) -> Path:
    """Of a piece of work by its own id, or by that of what it is done for."""
    with db.reading() as session:
        done_for = session.get(Evaluation, id) or session.get(Export, id) or session.get(Benchmark, id)
        work = session.get(Work, done_for.work_id or "" if done_for is not None else id)
    if work is None and done_for is not None:
        raise NotFoundError("Its work has left no log.", "It has not begun, or it ended long ago.")
    if work is None:
        raise NotFoundError(f"Nothing with a log is called `{id:.80}`.", f"Name one of {NOUNS}.")
    return runtimes.log_of(work) or pieces.folder(work) / output.FILE


def _studio(search: str, errors: bool) -> None:
    lines = studio_log.last(studio_log.MOST_LINES, "error" if errors else "all")
    kept = [line for line in lines if search.casefold() in line.message.casefold()]
    answer(kept, "\n".join(_studio_line(line) for line in kept) or "No line is like that.")


def _studio_line(line: studio_log.Line) -> str:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(line.at))
    return "  ".join(part for part in (at, line.level, line.logger, line.about, line.message, line.error) if part)
