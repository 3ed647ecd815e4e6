"""The views of an open dataset, in the order of their tabs: what each shows, and what its buttons do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from markupsafe import Markup

from pages.data import (
    dataset_view,
    edit,
    export,
    health,
    mapping,
    rows_view,
    search,
    shape,
    statistics,
    tokens,
    versions,
)
from pages.parts import tabs
from pages.parts.pager import offset_of
from storage.statuses import DatasetStatus
from storage.tables import Dataset

Act = Callable[[str, Mapping[str, str], str], str | None]
"""(id of the button or form, its fields, project) -> the address to go to, or None to stay and refresh."""


@dataclass(frozen=True)
class Tab:
    """One view. `html` gets the page's query and must be cheap: it is asked for again every few seconds."""

    label: str
    html: Callable[[Dataset, Mapping[str, str]], Markup]
    acts: Mapping[str, Act] = field(default_factory=dict)
    count: Callable[[Dataset], int] | None = None  # shown beside the label
    unready: bool = False  # there before the dataset is ready, as long as it is no longer being imported
    listed: bool = True  # False: reached by a link only
    guide: str = "data"  # the document that explains it


def _rows(dataset: Dataset, query: Mapping[str, str]) -> Markup:
    if hits := search.search_html(dataset, query):
        return rows_view.choices(dataset, query) + hits
    return rows_view.rows_html(dataset, query)


def _rejected(dataset: Dataset, query: Mapping[str, str]) -> Markup:
    return dataset_view.rejections_html(dataset, offset_of(query))


TABS: dict[str, Tab] = {
    "rows": Tab("Rows", _rows, rows_view.ACTS, count=lambda dataset: dataset.train_rows),
    "rejected": Tab("Rejected", _rejected, count=lambda dataset: dataset.rejected, unready=True),
    "tokens": Tab(tokens.LABEL, tokens.html_of, tokens.ACTS, guide="tokens"),
    "health": Tab(health.LABEL, health.html_of, health.ACTS, guide="health"),
    "statistics": Tab(statistics.LABEL, statistics.html_of, guide="health"),
    "shape": Tab(shape.LABEL, shape.html_of, shape.ACTS, guide="shape"),
    "versions": Tab(versions.LABEL, versions.html_of, guide="shape"),
    "export": Tab(export.LABEL, export.html_of, export.ACTS, guide="shape"),
    "edit": Tab(edit.LABEL, edit.html_of, edit.ACTS, listed=False, guide="shape"),
    "mapping": Tab(mapping.LABEL, mapping.html_of, mapping.ACTS, unready=True, guide="formats"),
}

FIRST_TAB = {DatasetStatus.NEEDS_MAPPING: "mapping", DatasetStatus.FAILED: "rejected"}


def acts() -> dict[str, Act]:
    """What every button of every tab does, by its name."""
    return {name: act for tab in TABS.values() for name, act in tab.acts.items()}


def open_tab(dataset: Dataset, requested: str) -> str:
    """The tab that is open: the one asked for, if the dataset has it yet."""
    tabs = available(dataset)
    return next(
        (name for name in (requested, FIRST_TAB.get(dataset.status, "rows")) if name in tabs), next(iter(tabs), "")
    )


def available(dataset: Dataset) -> dict[str, Tab]:
    """The tabs that a dataset in its state has."""
    if dataset.status == DatasetStatus.READY:
        return TABS
    if dataset.status == DatasetStatus.IMPORTING:
        return {}
    return {name: tab for name, tab in TABS.items() if tab.unready and (tab.count is None or tab.count(dataset))}


def guide(dataset: Dataset, requested: str) -> str:
    """The document that explains the open tab."""
    name = open_tab(dataset, requested)
    return TABS[name].guide if name else "data"


def strip(dataset: Dataset, current: str) -> Markup:
    """The tabs as links."""
    shown = ((name, tab) for name, tab in available(dataset).items() if tab.listed)
    return tabs.strip("Views of the dataset", (_link(dataset, name, tab, name == current) for name, tab in shown))


def _link(dataset: Dataset, name: str, tab: Tab, current: bool) -> tabs.Link:
    count = tab.count(dataset) if tab.count else None
    return tabs.Link(tab.label, dataset_view.address(dataset.id, name), current, count)


def content(dataset: Dataset, query: Mapping[str, str]) -> Markup:
    """What the open tab shows."""
    name = open_tab(dataset, query.get("show", ""))
    return available(dataset)[name].html(dataset, query) if name else Markup()
