"""`tunesmith benchmarks` and `tunesmith tuners`: what was measured of endpoints, listed, shown, compared, deleted."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.benchmarks import compared, say_variants, tell
from app.cli.completion import names
from app.cli.printed import answer, answer_list, as_json
from engine.benchmarks import benchmarks, comparison, tuner
from engine.errors import RefusedError
from engine.serve import endpoints
from storage import benchmarks as stored
from storage import db

COMMANDS = typer.Typer(
    help="Benchmarks: listed, shown, compared, saved as files, stopped, deleted.", no_args_is_help=True
)
TUNERS = typer.Typer(help="Tunings of endpoints: listed, shown, stopped, put to use, deleted.", no_args_is_help=True)
BenchmarkId = Annotated[str, typer.Argument(metavar="BENCHMARK", help="Its id.", autocompletion=names.of("benchmark"))]
TunerId = Annotated[str, typer.Argument(metavar="TUNER", help="Its id.", autocompletion=names.of("tuner"))]
Several = Annotated[
    list[str], typer.Argument(metavar="BENCHMARK...", help="Ids.", autocompletion=names.of("benchmark"))
]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many of the newest.")]


@COMMANDS.command("list")
def list_benchmarks(limit: Limit = 20) -> None:
    """List benchmarks, the newest first: id, status, what was measured."""
    db.prepare()
    with db.reading() as session:
        listed = stored.recent(session, limit=limit)
    answer_list([benchmarks.describe(row) for row in listed], _line, "There are no benchmarks.")


@COMMANDS.command()
def show(benchmark: BenchmarkId) -> None:
    """Show what a benchmark measured."""
    db.prepare()
    described = benchmarks.describe(benchmarks.look_up(benchmark))
    if as_json() or described["levels"]:
        return tell(described, [])
    return answer(described, "  ".join(filter(None, (_line(described), described["error"], described["hint"]))))


@COMMANDS.command()
def compare(ids: Several) -> None:
    """Show every number of benchmarks side by side, with the ratio to the first."""
    db.prepare()
    compared(benchmarks.several(ids))


@COMMANDS.command()
def save(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="A new file that ends in .json or .csv.")], ids: Several
) -> None:
    """Write benchmarks to a file: everything as JSON, or a line for each level as CSV."""
    db.prepare()
    if to.suffix not in (".json", ".csv") or to.exists():
        problem = "is there already" if to.exists() else "ends in neither .json nor .csv"
        raise RefusedError(f"{to} {problem}.", "Choose another name.")
    described = benchmarks.several(ids)
    to.write_text(comparison.as_csv(described) if to.suffix == ".csv" else comparison.as_json(described))
    answer({"path": str(to), "bytes": to.stat().st_size}, f"Written to {to}.")


@COMMANDS.command()
def stop(benchmark: BenchmarkId) -> None:
    """Stop a benchmark. Levels that were measured to their end are kept; the one under way is lost."""
    db.prepare()
    stopped = benchmarks.stop(benchmark)
    answer(benchmarks.describe(stopped), f"benchmark {stopped.status}")


@COMMANDS.command()
def delete(benchmark: BenchmarkId) -> None:
    """Delete a benchmark with its figures; one under way ends."""
    db.prepare()
    benchmarks.delete(benchmark)
    answer({"id": benchmark, "deleted": True}, "It is deleted.")


@TUNERS.command("list")
def list_tuners(limit: Limit = 20) -> None:
    """List tunings of endpoints, the newest first: id, status, endpoint."""
    db.prepare()
    with db.reading() as session:
        listed = stored.tuners(session, limit=limit)
    answer_list([tuner.describe(row) for row in listed], _tuner_line, "No endpoint was tuned.")


@TUNERS.command("show")
def show_tuner(tuning: TunerId) -> None:
    """Show what each of the options tried gave."""
    db.prepare()
    described = tuner.describe(tuner.look_up(tuning))
    answer(described, _tuner_line(described))
    if not as_json():
        say_variants(described)


@TUNERS.command("stop")
def stop_tuner(tuning: TunerId) -> None:
    """Stop a tuning. The server that it has started for the trial ends within seconds."""
    db.prepare()
    stopped = tuner.stop(tuning)
    answer(tuner.describe(stopped), f"tuning {stopped.status}")


@TUNERS.command("apply")
def apply_tuner(tuning: TunerId) -> None:
    """Put the best options to use: they are deployed beside what answers now, and switched to when they answer."""
    db.prepare()
    deployed = tuner.apply(tuning)
    described = endpoints.describe(endpoints.look_up(deployed.endpoint_id))
    answer(described, "The best options are being deployed.")


@TUNERS.command("delete")
def delete_tuner(tuning: TunerId) -> None:
    """Delete a tuning that is over. Its benchmarks stay."""
    db.prepare()
    tuner.delete(tuning)
    answer({"id": tuning, "deleted": True}, "It is deleted.")


def _line(described: dict[str, Any]) -> str:
    stage = f"  {described['stage']}" if described["status"] in ("queued", "running") else ""
    return (
        f"{described['id']}  {described['status']:<10} {described['model']} through the {described['through']}{stage}"
    )


def _tuner_line(described: dict[str, Any]) -> str:
    return f"{described['id']}  {described['status']:<10} {described['endpoint_name']}  {described['stage']}"
