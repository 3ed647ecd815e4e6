"""Data: bring files in, see what became of each row, look at the rows as chats."""

from collections.abc import Mapping

import gradio as gr
from markupsafe import Markup

from engine.data import datasets, deleting
from engine.errors import NotFoundError
from engine.process import events
from engine.rows.readers import encodings
from pages.data import tabs
from pages.data.dataset_view import notes_html
from pages.data.incoming import form, preview
from pages.data.listing import list_view
from pages.data.listing.dataset_marks import delete_button, origin_words
from pages.parts import html, listed, live, stopping, toasts, undo
from pages.shell import project_of
from storage import home
from storage.statuses import DatasetStatus
from storage.tables import Dataset

SLUG, TITLE, SUBTITLE, KEY, ICON = "data", "Data", "What your models learn from.", "d", "data"
GROUP = "Prepare"

HIDE_IMPORT = """
  const open = () => element.toggleAttribute('data-open', new URLSearchParams(location.search).has('dataset'));
  document.addEventListener('tunesmith-query', open);
  open();
"""
GO_TO_ADDRESS = "(to) => { if (window.tunesmith) (to ? tunesmith.go(to) : tunesmith.refresh()); }"
FROM_FILES = ("upload", "paste", "path")
VIEW_SECONDS = 4
RECENT_BYTES = 4096
MAPPING_HINT = "Say below which column is which: the rows beside it show what becomes of them."


def page() -> None:
    """The import on top, the datasets below; one open dataset takes the place of both."""
    gr.HTML(elem_id="data-open", js_on_load=HIDE_IMPORT, apply_default_css=False)
    form.draw()
    target = gr.Textbox(visible=False)
    table = live.live("datasets", datasets_html, actions=True)
    table.action(act, None, target, **live.ACTING).then(None, target, None, js=GO_TO_ADDRESS, **live.QUIET)


def datasets_html(query: Mapping[str, str]) -> str:
    """The project's datasets, or the one the address names."""
    if query.get("dataset"):
        return str(_dataset(query["dataset"], query.get("show", "")))
    return str(_replaced(query) + list_view.list_html(query))


def _replaced(query: Mapping[str, str]) -> Markup:
    """What the next import takes the place of."""
    failed = form.find_failed(query.get("replace", ""))
    if failed is None:
        return Markup()
    hint = "It is deleted as soon as that import has begun. You can undo it for 30 seconds."
    notice = html.notice(f"What you import above takes the place of {failed.name}.", hint, "calm")
    return Markup('<div class="da-replaced">{}</div>').format(notice)


def _dataset(dataset_id: str, show: str) -> Markup:
    """The head of an open dataset. Its rows are a live part of their own, made when there are any."""
    back_link = html.link("All datasets", "/data", soft=True)
    try:
        dataset = datasets.look_up(dataset_id)
    except NotFoundError as error:
        return Markup('<div class="da-one"><p class="da-back">{}</p>{}</div>').format(
            back_link, html.notice(error.message, error.hint)
        )
    return Markup('<div class="da-one" data-id="{}">{}<p class="da-back">{}</p>{}{}</div>').format(
        dataset.id,
        html.in_title(dataset.name, guide=tabs.guide(dataset, show)),
        back_link,
        _head(dataset),
        _content(dataset, show),
    )


def _head(dataset: Dataset) -> Markup:
    train = html.link_button("Train on it", f"/train?dataset={dataset.id}", primary=True)
    failed = dataset.status == DatasetStatus.FAILED and dataset.source in FROM_FILES
    other = html.link_button("Try another file", f"/data?replace={dataset.id}", primary=True) if failed else ""
    buttons = Markup('<div class="ts-actions">{}{}{}</div>').format(
        other, train if dataset.status == DatasetStatus.READY and dataset.train_rows else "", delete_button(dataset)
    )
    facts = (
        ("Kind", dataset.kind),
        ("Format", _format(dataset)),
        *((("Encoding", _encoding(dataset)),) if dataset.encoding else ()),
        ("Rows in the file", html.count(dataset.rows)),
        ("Accepted", html.count(dataset.accepted)),
        ("Repaired", html.count(dataset.repaired)),
        ("Rejected", html.count(dataset.rejected)),
        ("Size", html.size(dataset.size_bytes)),
    )
    details = html.facts(facts) + notes_html(dataset) if dataset.status == DatasetStatus.READY else ""
    return Markup('<section class="ts-card"><header><h2>{}</h2>{}<small>{}</small>{}</header>{}</section>').format(
        dataset.name, html.badge(dataset.status), origin_words(dataset), buttons, listed.words(dataset) + details
    )


def _encoding(dataset: Dataset) -> str:
    """What its files were read as, in the words of people."""
    return ", ".join(encodings.label(name) for name in (dataset.encoding or "").split(", "))


def _format(dataset: Dataset) -> str:
    """The format, and how many of the rows looked at have it where not all do."""
    name = "mapped by hand" if dataset.format == "mapping" else (dataset.format or "").replace("_", " ")
    certain = dataset.confidence is None or dataset.confidence >= 1
    return name if certain else f"{name}, fits {round(100 * (dataset.confidence or 0), 1):g} % of the first rows"


def _content(dataset: Dataset, show: str) -> Markup:
    notice = _status_notice(dataset)
    current = tabs.open_tab(dataset, show)
    if not current:
        return notice
    rows = live.element("data", "view", seconds=VIEW_SECONDS)
    return Markup('{}{}<div id="view-of-{}" data-keep>{}</div>').format(
        notice, tabs.strip(dataset, current), dataset.id, rows
    )


def _status_notice(dataset: Dataset) -> Markup:
    """What a person should know about a dataset that is not ready."""
    match dataset.status:
        case DatasetStatus.IMPORTING:
            return _importing(dataset)
        case DatasetStatus.FAILED:
            return html.notice(dataset.error or "The file could not be imported.", dataset.hint or "")
        case DatasetStatus.NEEDS_MAPPING:
            hint = MAPPING_HINT if dataset.columns else dataset.hint or ""
            return html.notice(dataset.error or "The columns have no known meaning.", hint, "warn")
    return Markup()


def _importing(dataset: Dataset) -> Markup:
    share = "" if dataset.progress is None else f"{100 * dataset.progress:.0f} %"
    return Markup(
        '<div class="ts-card da-importing"><p><span>Reading {}</span><span>{}</span></p>{}<footer>{}{}</footer></div>'
    ).format(
        dataset.source_name,
        share,
        html.progress(dataset.progress, f"Importing {dataset.name}"),
        Markup("<p>{}</p>").format(_stage(dataset)),
        stopping.stop("import", dataset.id, dataset.name, "cancel", "Cancel"),
    )


def _stage(dataset: Dataset) -> str:
    """What the import said last, such as "12,000 rows read"."""
    recent, _ = events.read(home.dataset_folder(dataset.id), max(0, dataset.events_offset - RECENT_BYTES))
    stages = [event.stage for event in recent if isinstance(event, events.Progress)]
    return stages[-1] if stages else "Looking at the first rows" if recent else "Waiting for its turn"


def view_html(query: Mapping[str, str]) -> str:
    """What the open tab of the dataset in the address shows."""
    return str(tabs.content(datasets.look_up(query["dataset"]), query)) if query.get("dataset") else ""


def act(event: gr.EventData, request: gr.Request) -> str:
    """Does what a button asks for; returns the address to go to, or "" to stay."""
    with toasts.toast():
        return ACTS[event.name](event.id, event.values, project_of(request)) or ""
    return ""


def _delete(dataset_id: str, _values: Mapping[str, str], _project: str) -> str:
    datasets.delete_dataset(dataset_id)
    return "/data"


def _cancel(dataset_id: str, _values: Mapping[str, str], _project: str) -> None:
    datasets.cancel_import(dataset_id)


def _of_list(act: listed.Act) -> tabs.Act:
    """An act of the list, after which the person stays where they are."""

    def then_stay(id: str, values: Mapping[str, str], _project: str) -> None:
        act(id, values)

    return then_stay


ACTS: dict[str, tabs.Act] = {
    "delete": _delete,
    "cancel": _cancel,
    **{name: _of_list(act) for name, act in undo.acts(deleting.undo, deleting.free).items()},
    **{name: _of_list(act) for name, act in list_view.ACTS.items()},
    **tabs.acts(),
}
FRAGMENTS: dict[str, live.Fragment] = {"datasets": datasets_html, "preview": preview.html_of, "view": view_html}
