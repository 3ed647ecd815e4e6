"""The tabs of a run's page, in their order: what each shows, and which runs have it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlencode

from markupsafe import Markup

from pages.parts import chart, html, live, tabs
from pages.runs import (
    charts,
    code,
    doctor_view,
    facts_view,
    log_view,
    machine_view,
    marks_view,
    report,
    samples_view,
    story,
    take,
    trackers,
)
from storage.tables import Run

Query = Mapping[str, str]
FIRST = "overview"


@dataclass(frozen=True)
class Tab:
    """One view. `show` gets the page's query and must be cheap: it is asked for again every few seconds."""

    label: str
    show: Callable[[Run, Query], Markup]
    is_there: Callable[[Run], bool] = lambda run: True
    guide: str = "runs"  # the document that explains it


def _overview(run: Run, query: Query) -> Markup:
    main_charts = charts.main(run, doctor_view.bands(run))
    next_steps = doctor_view.show(run, query)
    return html.join(
        (
            log_view.last_words(run),
            marks_view.marks(run),
            report.brief(run),
            next_steps,
            main_charts,
            story.notes_card(run),
            story.lineage(run),
        )
    )


def _charts(run: Run, query: Query) -> Markup:
    return charts.show(run, query, doctor_view.bands(run))


def _report(run: Run, _query: Query) -> Markup:
    return report.card_of(run)


def _log(run: Run, _query: Query) -> Markup:
    return log_view.log(run) + log_view.history(run)


def _recipe(run: Run, _query: Query) -> Markup:
    return html.join((live.element("runs", "recipe", 30), facts_view.facts(run), facts_view.command(run)))


def _files(run: Run, _query: Query) -> Markup:
    newest = f"{run.status}-{run.facts.checkpoint}"  # another one may be there
    checkpoints = html.card("Checkpoints", live.element("runs", "checkpoints", 10, newest))
    return html.join((take.card_of(run), code.card_of(run), checkpoints, trackers.card(run)))


TABS: dict[str, Tab] = {
    FIRST: Tab("Overview", _overview),
    "charts": Tab("Charts", _charts),
    "answers": Tab("Answers", samples_view.show, guide="answers"),
    "report": Tab("Report", _report, report.can_be, "report"),
    "log": Tab("Log", _log),
    "recipe": Tab("Recipe and data", _recipe, guide="fields"),
    "machine": Tab("Machine", machine_view.show, guide="machine"),
    "files": Tab("Files", _files, guide="exports"),
}


def address(run_id: str, tab: str = FIRST, query: Query = MappingProxyType({})) -> str:
    """A run's page with a tab open. How charts look goes along from the query."""
    look = {name: query[name] for name in chart.LOOK if query.get(name)}
    return "/runs?" + urlencode({"run": run_id, **({} if tab == FIRST else {"tab": tab}), **look})


def open_tab(run: Run, requested: str) -> str:
    """The tab that is open: the one asked for, if the run has it."""
    tab = TABS.get(requested)
    return requested if tab and tab.is_there(run) else FIRST


def strip(run: Run, current: str, query: Query) -> Markup:
    """The tabs that the run has, as links."""
    links = (
        tabs.Link(tab.label, address(run.id, name, query), name == current)
        for name, tab in TABS.items()
        if tab.is_there(run)
    )
    return tabs.strip("Views of the run", links)


def content(run: Run, current: str, query: Query) -> Markup:
    """What the open tab shows. Its key keeps what one tab holds apart from what the next one does."""
    return Markup('<div class="ts-stack" data-key="{}-{}">{}</div>').format(
        run.id, current, TABS[current].show(run, query)
    )
