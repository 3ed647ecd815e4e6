"""`tunesmith benchmark` and `tunesmith tune-endpoint`: an endpoint measured, and its options tried, with a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli import running_studio
from app.cli.called import DATASET
from app.cli.completion import names
from app.cli.printed import answer, as_json, say
from engine import called
from engine.benchmarks import benchmarks, comparison, tuner, written
from engine.benchmarks.benchmarks import Wanted
from engine.benchmarks.tuner_plan import TunerWanted
from engine.errors import RefusedError, TunesmithError
from storage import db, endpoints
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Endpoint

EndpointName = Annotated[
    str,
    typer.Argument(metavar="ENDPOINT", help="Any of its names on /v1, or its id.", autocompletion=names.of("endpoint")),
]
Goodput = Annotated[str, typer.Option(help="Objective in ms, such as ttft=200,tpot=50,e2el=2000.")]
Prompts = Annotated[int | None, typer.Option(min=1, help="Requests of a level; 64 unless --seconds is given.")]
Seconds = Annotated[float | None, typer.Option(help="No new request of a level begins after this.")]
InputTokens = Annotated[int, typer.Option("--input-tokens", min=1, help="Length of a prompt of random words.")]
OutputTokens = Annotated[int, typer.Option("--output-tokens", min=1, help="Length of an answer.")]
DatasetId = Annotated[
    str | None,
    typer.Option("--dataset", help="A dataset that gives the prompts.", **DATASET),
]
Doubling = Annotated[
    bool, typer.Option("--until-saturated", help="Double until output tokens/s grow by less than 5 %.")
]
Rate = Annotated[float | None, typer.Option(help="Requests a second at random moments, instead of --concurrency.")]

COLUMNS = (
    ("req/s", "request_throughput", ".2f"), ("tokens/s", "output_throughput", ".1f"),
    ("goodput/s", "request_goodput", ".2f"), ("TTFT p50", "median_ttft_ms", ".0f"), ("p95", "p95_ttft_ms", ".0f"),
    ("p99", "p99_ttft_ms", ".0f"), ("TPOT p50", "median_tpot_ms", ".1f"), ("p99", "p99_tpot_ms", ".1f"),
    ("ITL p50", "median_itl_ms", ".1f"), ("p99", "p99_itl_ms", ".1f"), ("E2E p50", "median_e2el_ms", ".0f"),
    ("p99", "p99_e2el_ms", ".0f"), ("failed", "failed", "d"),
)  # fmt: skip


def benchmark(  # noqa: PLR0913  (one argument for each option)
    endpoint: EndpointName,
    concurrency: Annotated[str, typer.Option(help="Requests at once, a level each, such as 1,4,16.")] = "",
    rate: Rate = None,
    prompts: Prompts = None,
    seconds: Seconds = None,
    input_tokens: InputTokens = 128,
    output_tokens: OutputTokens = 64,
    dataset: DatasetId = None,
    repeats: Annotated[int, typer.Option(min=1, help="How often each level is measured.")] = 1,
    warmup: Annotated[int, typer.Option(min=0, help="Requests before each level that are not counted.")] = 2,
    until_saturated: Doubling = False,
    goodput: Goodput = "",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same prompts and moments.")] = 0,
    gateway: Annotated[
        str | None, typer.Option(metavar="URL", help="The running studio's address, to go through its /v1.")
    ] = None,
    compare: Annotated[
        str, typer.Option(help="Ids of earlier benchmarks to compare it with, separated by commas.")
    ] = "",
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Also write it: .json or .csv.")] = None,
) -> None:
    """Measure how fast an endpoint answers: time to first token, between tokens, tokens and requests a second."""
    load = written.load(
        concurrency=written.numbers(concurrency) or None, rate=rate, prompts=prompts, seconds=seconds,
        input_tokens=input_tokens, output_tokens=output_tokens, dataset_id=dataset, repeats=repeats, warmup=warmup,
        until_saturated=until_saturated, goodput=written.objective(goodput), seed=seed,
    )  # fmt: skip
    _refuse_file(to)
    with running_studio.engine(True):
        row, name = _endpoint(endpoint)
        begun = benchmarks.create(Wanted(row.id, load, name, gateway))
        described = _followed(begun.id)
    beside = [described, *benchmarks.several(compare.split(","))] if compare else []
    tell(described, beside)
    if to is not None:
        to.write_text(comparison.as_csv([described]) if to.suffix == ".csv" else comparison.as_json(described))
        say(f"written to {to}")
    if described["status"] != WorkStatus.SUCCEEDED:
        raise TunesmithError(described["error"] or "It was stopped.", described["hint"] or "")


def tune_endpoint(
    endpoint: EndpointName,
    try_: Annotated[
        list[str] | None, typer.Option("--try", metavar="OPTION=A,B", help="Values of an option; repeatable.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests at once.")] = 16,
    prompts: Prompts = None,
    goodput: Goodput = "",
    use: Annotated[bool, typer.Option("--apply", help="Put the best options to use.")] = False,
) -> None:
    """Try options of an endpoint under one load, each in a server of its own, and show the best."""
    load = written.load(concurrency=(concurrency,), prompts=prompts, goodput=written.objective(goodput))
    options = written.options(" ".join(try_ or ()))
    with running_studio.engine(True):
        row, _name = _endpoint(endpoint)
        begun = tuner.create(TunerWanted(row.id, load, options))
        over = running_studio.follow(
            lambda: tuner.look_up(begun.id), lambda item: item.stage == tuner.OVER, _tuner_line, say
        )
        described = tuner.describe(over)
        answer(described)
        if not as_json():
            say_variants(described)
        if described["status"] != WorkStatus.SUCCEEDED:
            raise TunesmithError(described["error"] or "It was stopped.", described["hint"] or "")
        if use and described["best"]:
            tuner.apply(begun.id)
            say("The best options are being deployed.")


def _refuse_file(to: Path | None) -> None:
    if to is not None and to.suffix not in (".json", ".csv"):
        raise RefusedError(f"{to} ends in neither .json nor .csv.", "Name the file with one of them.")
    if to is not None and not to.parent.is_dir():
        raise RefusedError(f"There is no folder {to.parent}.", "Make it first.")


def _endpoint(name: str) -> tuple[Endpoint, str | None]:
    """The endpoint with that id, or that answers to the name; and the name it is to be asked by."""
    with db.reading() as session:
        if (row := endpoints.live_by_name(session, name.partition(":")[0])) is not None:
            return row, name
        return called.find(session, Endpoint, name), None


def _followed(benchmark_id: str) -> dict[str, Any]:
    over = running_studio.follow(
        lambda: benchmarks.wait(benchmark_id, 0.5),
        lambda row: row.status not in WORK_MOVING,
        lambda row: benchmarks.describe(row)["stage"],
        lambda line: say(line, err=True) if line else None,
    )
    return benchmarks.describe(over)


def _tuner_line(row: Any) -> str:
    options = row.variants[min(row.position, len(row.variants) - 1)]["options"]
    return f"{row.position}/{len(row.variants)} {row.stage} {_words(options)}"


def _words(options: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in options.items()) or "defaults"


def tell(described: dict[str, Any], beside: Sequence[dict[str, Any]]) -> None:
    """A benchmark; and, if there are any, those that are to stand beside it, itself the first of them."""
    if as_json():
        return answer(described | ({"compared": comparison.compare(beside)} if beside else {}))
    _say(described)
    if beside:
        say_compared(beside)
    return None


def _say(described: dict[str, Any]) -> None:
    facts = described["facts"]
    machine = facts.get("machine", {})
    say(f"benchmark {described['id']} of {described['model']} through the {described['through']}")
    say(f"{facts['kind']} {facts.get('backend_version', '')} {_words(facts['options'])}".rstrip())
    say(f"on {machine.get('cpu', 'an unknown machine')}, {machine.get('cores', '?')} cores")
    shown = [column for column in COLUMNS if any(level[column[1]] is not None for level in described["levels"])]
    rows = [[comparison.level_name(level), *(_number(level[name], form) for _, name, form in shown)]
            for level in described["levels"]]  # fmt: skip
    _table(["", *(title for title, _, _ in shown)], rows)
    for level in described["levels"]:
        for kind, count in level["errors"].items():
            say(f"{comparison.level_name(level)}: {count} x {kind}. {level['error_examples'].get(kind, '')}")
    if described["saturates_at"]:
        say(f"saturates at {described['saturates_at']} at once: twice as many give less than 5 % more")
    for sentence in facts["beside"]:
        say(sentence)


def compared(results: Sequence[dict[str, Any]]) -> None:
    """Benchmarks side by side, as words or JSON."""
    if as_json():
        names_of = [benchmark["name"] for benchmark in results]
        return answer({"names": names_of, **comparison.compare(results)})
    return say_compared(results)


def say_compared(results: Sequence[dict[str, Any]]) -> None:
    """A table with a column for each."""
    beside = comparison.compare(results)
    for sentence in beside["warnings"]:
        say(sentence)
    rows = [
        [f"{row['level']} {row['metric']}", *(
            f"{_number(value, '.1f')} ({_number(ratio, '.2f')}x)"
            for value, ratio in zip(row["values"], row["ratios"], strict=True)
        )]
        for row in beside["rows"]
    ]  # fmt: skip
    _table(["", *(benchmark["name"] for benchmark in results)], rows)


def say_variants(described: dict[str, Any]) -> None:
    """What each of the options of a tuner gave, as a table."""
    rows = [
        ["*" if place == described["best"] else "", _words(variant["options"]), _number(variant["score"], ".2f"),
         f"{_number(variant['ratio'], '.2f')}x", _number(variant["numbers"].get("p99_ttft_ms"), ".0f"),
         variant["error"] or variant["status"]]
        for place, variant in enumerate(described["variants"])
    ]  # fmt: skip
    _table(["", "options", "score", "to now", "TTFT p99", ""], rows)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        cells = [cell.ljust(width) if place == 0 else cell.rjust(width)
                 for place, (cell, width) in enumerate(zip(row, widths, strict=True))]  # fmt: skip
        say("  ".join(cells).rstrip())
