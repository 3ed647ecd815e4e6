"""`tunesmith run follow`, resume, log and recipe: a run watched in the terminal, taken up again, read."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from app.cli import running_studio
from app.cli.called import RunName
from app.cli.printed import answer, as_json, change, follow_as_lines, say, say_json, say_text
from app.cli.runs.facts import facts
from engine import hidden
from engine.errors import RefusedError, TunesmithError
from engine.recipes import by_name
from engine.recipes import recipe as recipes
from engine.runs import output, runs
from storage import db
from storage.settings import settings
from storage.statuses import RUN_ALIVE, RUN_MOVING, RunStatus
from storage.tables import Run

BAR_CELLS = 24
LOG_BYTES = 64_000  # of the log's end that are shown, unless all of it is asked for

Follow = Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run is over.")]


def follow(run_id: RunName) -> None:
    """Watch a run until it is over: how far it is, loss, speed, time left. Ctrl+C ends the watching, not the run."""
    follow_as_lines()
    with running_studio.engine(True):
        watched(run_id)


def watched(run_id: str) -> Run:
    """The run at its end, after its progress was shown. Raises TunesmithError where it did not succeed."""
    if address := page(run_id):
        say(f"Its page: {address}")
    redraws = sys.stdout.isatty() and not as_json()
    show = _redraw() if redraws else say
    run = running_studio.follow(lambda: runs.look_up(run_id), _is_over, progress, show, facts)
    if redraws:
        say("")
    answer(facts(run))
    if run.status != RunStatus.SUCCEEDED:
        raise TunesmithError(run.error or f"The run ended as {run.status}.", run.hint or "")
    return run


def page(run_id: str) -> str:
    """Where the studio shows the run, by its settings; empty while no studio runs."""
    now = settings()
    host = now.host if now.host not in ("0.0.0.0", "::") else "127.0.0.1"
    return f"http://{host}:{now.port}/runs?run={run_id}" if running_studio.studio_runs() else ""


def progress(run: Run) -> str:
    """A run in a line: a bar, steps, loss, speed and the time that is left, as far as they are known."""
    parts = [run.status.value, f"step {run.step:,}/{f'{run.max_steps:,}' if run.max_steps else '?'}"]
    if run.max_steps:
        filled = min(BAR_CELLS, BAR_CELLS * run.step // run.max_steps)
        parts.insert(1, f"[{'#' * filled}{'.' * (BAR_CELLS - filled)}] {min(1.0, run.step / run.max_steps):4.0%}")
    if run.loss is not None:
        parts.append(f"loss {run.loss:.4f}")
    if run.status == RunStatus.RUNNING and run.tokens_per_second:
        parts.append(f"{run.tokens_per_second:,.0f} tokens/s")
    if run.status in RUN_MOVING and run.eta_seconds is not None:
        parts.append(f"{span(run.eta_seconds)} left")
    elif run.status in RUN_ALIVE and run.seconds is not None:
        parts.append(f"{span(run.seconds)} so far")
    return "  ".join(parts)


def span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes}:{rest:02} min"


def _redraw() -> Callable[[str], None]:
    """Writes each line over the one before, however long that was."""
    return lambda line: typer.echo(f"\r\x1b[2K{hidden.escaped(line)}", nl=False)


def _is_over(run: Run) -> bool:
    return run.status not in RUN_MOVING


def resume(run_id: RunName, watch: Follow = False) -> None:
    """Take up a run that was stopped, interrupted or failed, from its newest whole checkpoint."""
    with running_studio.engine(watch) as waiting:
        run = runs.resume_run(run_id)
        say(f"run {run.id} {run.status}")
        if waiting:
            watched(run.id)
        else:
            answer(facts(run))


def log(
    run_id: RunName,
    watch: Follow = False,
    whole: Annotated[bool, typer.Option("--all", help="From the beginning, not only the end.")] = False,
    search: Annotated[str, typer.Option(help="Only lines with these words, whatever the case.")] = "",
) -> None:
    """Print what a run has written to its log."""
    db.prepare()
    runs.look_up(run_id)
    if search:
        if watch:
            raise RefusedError("--search and --follow do not go together.", "Leave one of them out.")
        return _print_lines(run_id, search)
    text = _Text(run_id, 0 if whole else -LOG_BYTES)
    if watch:
        run = running_studio.follow(text.print_more, _is_over, lambda _run: "", lambda _line: None)
        return answer(facts(run))
    text.print_more()
    return answer({"id": run_id, "text": "".join(text.kept)})


@dataclass
class _Text:
    """A log that is printed as it grows. `at`: the byte to go on from. `kept`: what `--json` tells at the end."""

    run_id: str
    at: int
    kept: list[str] = field(default_factory=list)

    def print_more(self) -> Run:
        run = runs.look_up(self.run_id)  # before the log: what it wrote last is still read
        while True:
            text, end = output.text(self.run_id, self.at)
            if text:
                self._print(text)
            if not text or end == self.at:
                return run
            self.at = end

    def _print(self, text: str) -> None:
        if as_json():
            self.kept = [] if change({"text": text}) else [*self.kept, text]
        else:
            say_text(text)


def _print_lines(run_id: str, search: str) -> None:
    after: int | None = 0
    matching = []
    while after is not None:
        lines = output.search(run_id, search, None, after, 1000)
        for line in lines.lines:
            if as_json():
                matching.append(line)
            else:
                say(line.text)
        after = lines.next
    answer(matching)


def recipe(
    run_id: RunName,
    names: Annotated[bool, typer.Option("--names", help="With names in place of ids, for another machine.")] = False,
) -> None:
    """Print the recipe of a run as YAML, as `tunesmith train` takes it."""
    db.prepare()
    parsed: Any = recipes.parse(runs.look_up(run_id).recipe)
    if as_json():
        return say_json(recipes.from_yaml(by_name.portable(parsed)) if names else parsed)
    say_text(by_name.portable(parsed) if names else by_name.to_yaml(parsed))
    return None
