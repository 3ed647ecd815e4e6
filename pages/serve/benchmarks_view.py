"""Benchmarks on the Serve page: measured live, side by side with a ratio, with what else was under way."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import gradio as gr
from markupsafe import Markup

from engine.benchmarks import benchmarks, comparison, tuner, written
from engine.benchmarks.benchmarks import MOST_COMPARED, Wanted
from engine.benchmarks.tuner_plan import TunerWanted
from pages.parts import html, live, stopping, toasts
from pages.parts.log_link import log_link
from pages.serve import benchmark_form
from pages.serve.benchmark_chart import charts
from pages.serve.options import in_words
from pages.serve.tuner_view import tuners_html
from storage import benchmarks as stored
from storage import db
from storage.statuses import WORK_MOVING

Facts = dict[str, Any]
LISTED = 20
NUMBERS = (
    ("Requests/s", "request_throughput"), ("Tokens/s", "output_throughput"), ("Goodput/s", "request_goodput"),
    ("TTFT p50", "median_ttft_ms"), ("TTFT p95", "p95_ttft_ms"), ("TTFT p99", "p99_ttft_ms"),
    ("TPOT p50", "median_tpot_ms"), ("TPOT p99", "p99_tpot_ms"), ("ITL p50", "median_itl_ms"),
    ("ITL p99", "p99_itl_ms"), ("E2E p50", "median_e2el_ms"), ("E2E p99", "p99_e2el_ms"), ("Failed", "failed"),
)  # fmt: skip


def section() -> None:
    """The benchmarks, live, under the endpoints."""
    live.acting(live.live("benchmarks", benchmarks_html, actions=True), act)


def benchmarks_html(query: Mapping[str, str]) -> str:
    """The forms, the list, and those that are chosen in the address (`?benchmarks=ID,ID`), else the newest."""
    project_id = query["project"]
    with db.reading() as session:
        ready = benchmark_form.answering(session, project_id)
        rows = stored.recent(session, project_id, limit=LISTED)
        chosen = stored.several(session, query.get("benchmarks", "").split(",")[:MOST_COMPARED])
        tuners = stored.tuners(session, project_id, limit=3)
        form = benchmark_form.measure_form(session, project_id, ready) if ready else Markup()
    if not ready and not rows and not tuners:
        return ""
    described = {row.id: benchmarks.describe(row) for row in [*rows, *chosen]}
    shown = [described[row.id] for row in chosen] or _newest(list(described.values()))
    listed = _list([described[row.id] for row in rows], [facts["id"] for facts in shown])
    parts = [
        Markup('<header><h2>Benchmarks</h2></header><div class="ts-folds ts-bench-forms">{}</div>').format(
            benchmark_form.folds(form, benchmark_form.tuner_form(ready))
        ),
        tuners_html([tuner.describe(row) for row in tuners]),
        listed,
        _shown(shown),
    ]
    return str(Markup('<section class="ts-card ts-bench">{}</section>').format(html.join(parts)))


def _newest(described: Sequence[Facts]) -> list[Facts]:
    """What is shown when nothing is chosen: what is measured now, else the last that has levels."""
    with_levels = [facts for facts in described if facts["levels"] or facts["status"] in WORK_MOVING or facts["error"]]
    return with_levels[:1]


def _list(described: Sequence[Facts], shown: Sequence[str]) -> Markup:
    if not described:
        return Markup('<p class="ts-note">Nothing has been measured yet.</p>')
    heads: list[str | html.Header] = [
        html.Header("Name", room=14), "Load", html.Header("Status", room=10), html.Header("Most tokens/s", "number"),
        "When", html.Header("Actions", "actions"),
    ]  # fmt: skip
    rows = [_row(facts, shown) for facts in described]
    return html.table(heads, rows, "Benchmarks")


def _row(facts: Facts, shown: Sequence[str]) -> html.Row:
    most = max((level["output_throughput"] for level in facts["levels"]), default=None)
    name = Markup("{}<small>{}</small>").format(
        html.link(facts["name"], f"/serve?benchmarks={facts['id']}", soft=True), _options(facts)
    )
    status = html.join([html.badge(str(facts["status"])), _bar(facts)])
    cells = [name, load_words(facts), status, html.number(most), html.moment(facts["created_at"])]
    return html.Row([*cells, _actions(facts, shown)], facts["id"], selected=facts["id"] in shown)


def _bar(facts: Facts) -> Markup:
    if facts["status"] not in WORK_MOVING:
        return Markup()
    return Markup("{}<small>{}</small>").format(html.progress(facts["progress"], "Benchmark"), facts["stage"])


def _actions(facts: Facts, shown: Sequence[str]) -> Markup:
    if facts["status"] in WORK_MOVING:
        return stopping.stop("benchmark", facts["id"], facts["model"])
    buttons = []
    if facts["id"] not in shown and shown and len(shown) < MOST_COMPARED:
        address = f"/serve?benchmarks={quote(','.join([*shown, facts['id']]))}"
        buttons.append(html.link("Compare", address, soft=True))
    question = f"Delete the benchmark {facts['name']}?"
    buttons.append(html.button("Delete", "delete", facts["id"], confirm=question, tone="danger"))
    return Markup(" ").join(buttons)


def load_words(facts: Facts) -> str:
    """A load in a line: `1, 4, 16 at once, 64 requests of 128 + 64 tokens`."""
    load = facts["load"]
    if load["rate"]:
        levels = f"{load['rate']:g} a second"
    else:
        levels = f"{', '.join(map(str, load['concurrency'] or (1, 4, 16)))} at once"
    levels += " and doubled" if load["until_saturated"] else ""
    amount = f"{load['seconds']:g} s" if load["seconds"] else f"{load['prompts'] or 64} requests"
    prompts = "rows of a dataset" if load["dataset_id"] else f"{load['input_tokens']} tokens"
    way = ", through the gateway" if facts["through"] == "gateway" else ""
    return f"{levels}, {amount}: {prompts} in, {load['output_tokens']} out{way}"


def _options(facts: Facts) -> str:
    options = {name: value for name, value in facts["facts"].get("options", {}).items() if name != "url"}
    return f"{facts['facts'].get('kind', '')} {in_words(options)}".strip()


def _shown(shown: Sequence[Facts]) -> Markup:
    if not shown:
        return Markup()
    if len(shown) > 1:
        return _compared(shown)
    facts = shown[0]
    heading = Markup('<div class="ts-title"><h3>{}</h3>{}</div>').format(
        facts["name"], log_link(facts["id"], facts["name"])
    )
    trouble = html.notice(facts["error"], facts["hint"] or "") if facts["error"] else Markup()
    parts = [charts(shown), _levels(facts), _saturation(facts)] if facts["levels"] else []
    taken = _downloads(shown) if facts["levels"] else Markup()
    return html.join([heading, trouble, *parts, _circumstances(facts), taken])


def _levels(facts: Facts) -> Markup:
    numbers = [column for column in NUMBERS if any(level[column[1]] is not None for level in facts["levels"])]
    heads: list[str | html.Header] = ["Level", *(html.Header(title, "number") for title, _ in numbers)]
    rows = [
        html.Row([comparison.level_name(level), *(_number(level, name) for _, name in numbers)])
        for level in facts["levels"]
    ]
    errors = html.join(
        html.notice(f"{comparison.level_name(level)}: {count} failed: {kind}.",
                    level["error_examples"].get(kind, ""), "warn")
        for level in facts["levels"] for kind, count in level["errors"].items()
    )  # fmt: skip
    note = Markup('<p class="ts-note">Times in ms. TTFT: to the first token; TPOT: per output token after it; ITL: '
                  "between two pieces of the stream; E2E: the whole answer.</p>")  # fmt: skip
    return html.join([html.table(heads, rows, "Levels"), note, errors])


def _number(level: Facts, name: str) -> str:
    return html.count(level[name]) if name == "failed" else html.number(level[name], 3)


def _saturation(facts: Facts) -> Markup:
    if facts["saturates_at"] is None:
        return Markup()
    text = f"It saturates at {facts['saturates_at']} requests at once: twice as many give less than 5 % more."
    return Markup('<p class="ts-note">{}</p>').format(text)


def _circumstances(facts: Facts) -> Markup:
    """What was measured, on what, and what else was under way."""
    known = facts["facts"]
    machine = known.get("machine", {})
    pairs = [
        ("Answered by", _backend(known)),
        ("Base model", known.get("base_model", "")),
        ("Options", _options(facts).partition(" ")[2]),
        ("Machine", f"{machine['cpu']}, {machine['cores']} cores" if machine else ""),
        ("Device", known.get("device") or ""),
        ("Took", html.duration(known["seconds"]) if "seconds" in known else ""),
    ]
    hint = "The numbers may be lower because of that."
    return html.join([html.facts(pairs), *(html.notice(sentence, hint, "warn") for sentence in known["beside"])])


def _backend(known: Facts) -> str:
    kind, version = known.get("kind", ""), known.get("backend_version", "")
    return version if version.startswith(kind) else f"{kind} {version}".strip()


def _compared(shown: Sequence[Facts]) -> Markup:
    compared = comparison.compare(shown)
    heads: list[str | html.Header] = ["Level", "Number", *(html.Header(facts["name"], "number") for facts in shown)]
    rows = [html.Row([row["level"], row["metric"], *_with_ratios(row)]) for row in compared["rows"]]
    unfair = html.join(html.notice(sentence, "", "warn") for sentence in compared["warnings"])
    table = Markup('<div class="ts-dense">{}</div>').format(html.table(heads, rows, "Comparison"))
    return html.join([Markup("<h3>Compared</h3>"), unfair, charts(shown), table, _downloads(shown)])


def _with_ratios(row: Facts) -> list[Markup]:
    values = [html.count(value) if row["metric"] == "failed" else html.number(value, 4) for value in row["values"]]
    ratios = [f"{ratio:.2f} x" if ratio is not None else "" for ratio in row["ratios"]]
    others = zip(values[1:], ratios[1:], strict=True)
    return [Markup("{}").format(values[0]), *(Markup("{}<i>{}</i>").format(value, ratio) for value, ratio in others)]


def _downloads(shown: Sequence[Facts]) -> Markup:
    ids = quote(",".join(facts["id"] for facts in shown))
    address = f"/api/benchmarks/download?ids={ids}&format="
    links = [html.link_button(name, address + name.lower()) for name in ("CSV", "JSON")]
    return Markup('<div class="ts-actions">{}</div>').format(html.join(links))


def act(event: gr.EventData, request: gr.Request) -> None:
    """What a button or a form of the section does."""
    with toasts.toast():
        if event.name == "measure":
            _measure(event.values, request)
        elif event.name == "tune":
            _tune(event.values)
        else:
            ACTS[event.name](event.id)


def _measure(values: Mapping[str, str], request: gr.Request) -> None:
    endpoint_id, _, name = values.get("model", "").partition(" ")
    gateway = benchmarks.address_of(request.request.scope) if values.get("through") == "gateway" else None
    benchmarks.create(Wanted(endpoint_id, benchmark_form.load_of(values), name or None, gateway))


def _tune(values: Mapping[str, str]) -> None:
    in_place = {"beside": False, "in_place": True}.get(values.get("where", ""))
    options = written.options(values.get("options", ""))
    load = benchmark_form.load_of(values)
    tuner.create(TunerWanted(values.get("endpoint_id", ""), load, options, in_place))


ACTS: dict[str, Callable[[str], object]] = {
    "stop": benchmarks.stop,
    "delete": benchmarks.delete,
    "stop-tuner": tuner.stop,
    "delete-tuner": tuner.delete,
    "apply-tuner": tuner.apply,
}
