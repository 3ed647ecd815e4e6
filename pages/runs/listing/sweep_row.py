"""The trials of a sweep in the list of runs: one line that leads to them."""

from collections.abc import Sequence

from markupsafe import Markup

from engine.runs.listing import Listed, SweepLine
from pages.parts import html
from pages.parts.filling import filled
from pages.runs.listing.columns import Column
from storage.tables import Run

_AS_ITS_NEWEST = ("Created", "Model", "Dataset", "Method")  # the same of a sweep as of its newest trial


def line_of(run: Run, listed: Listed, is_grouped: bool) -> SweepLine | None:
    """The sweep that a run stands for in a list; None for a run that stands for itself."""
    return listed.sweeps.get(run.sweep_id or "") if is_grouped else None


def row(run: Run, sweep: SweepLine, listed: Listed, shown: Sequence[Column]) -> html.Row:
    """The line of a sweep: its name, what became of its trials, and a link to them."""
    href = f"/runs?sweep={sweep.id}"
    model = listed.models.get(run.model_id, run.model_id)
    dataset = listed.datasets.get(run.dataset_id, run.dataset_id)
    name = filled(
        '<div class="ts-name"><bdi>{}</bdi><small>{} on {}</small>'
        '<div class="ts-marks"><span class="ts-mark">sweep</span><small>{}</small></div></div>',
        html.link(sweep.name, href, soft=True),
        model,
        dataset,
        words(sweep),
    )
    actions = filled(
        '<div class="ts-actions">{}</div>', filled('<a class="ts-button" data-soft href="{}">Trials</a>', href)
    )
    return html.Row(("", name, *(_cell(column, run, sweep, listed) for column in shown), actions), href=href)


def _cell(column: Column, run: Run, sweep: SweepLine, listed: Listed) -> object:
    if column.title == "Status":
        return html.badge(sweep.status)
    return column.cell(run, listed) if column.title in _AS_ITS_NEWEST else html.DASH


def words(sweep: SweepLine) -> str:
    """20 trials: 14 complete, 5 pruned, 1 failed."""
    count = sum(sweep.states.values())
    states = ("complete", "running", "pruned", "refused", "failed")
    parts = [f"{sweep.states[state]} {state}" for state in states if sweep.states.get(state)]
    return f"{count} trial{'s' * (count != 1)}: {', '.join(parts)}" if parts else "no trial yet"


def counted(lines: int, sweeps: int) -> str:
    """How many lines a list has: 12 runs and 2 sweeps."""
    runs = "1 run" if lines - sweeps == 1 else f"{lines - sweeps:,} runs"
    return f"{runs} and {sweeps:,} sweep{'s' * (sweeps != 1)}" if sweeps else runs


def heading(sweep: SweepLine) -> Markup:
    """Above the trials of one sweep: which it is, and the ways out."""
    text = filled(
        "<b>Trials of the sweep <bdi>{}</bdi></b><p>{}. {}</p>",
        sweep.name,
        words(sweep),
        html.link("Open the sweep", f"/sweeps?sweep={sweep.id}"),
    )
    return filled('<div class="ts-notice" data-tone="calm">{}</div>', text)


def mark(run: Run, listed: Listed) -> Markup:
    """On a trial among other runs: the sweep it belongs to."""
    sweep = listed.sweeps.get(run.sweep_id or "")
    if sweep is None:
        return Markup()
    return filled('<span class="ts-mark">sweep <bdi>{}</bdi></span>', sweep.name)
