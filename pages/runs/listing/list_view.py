"""The project's runs: searched, filtered, sorted, a page at a time, with what can be done with the chosen ones."""

from collections.abc import Sequence
from math import ceil

from markupsafe import Markup

from engine import names
from engine.errors import RefusedError
from engine.runs import comparing, listing, views
from engine.runs.listing import Listed
from pages.parts import choosing, filters, html, live
from pages.parts.filling import filled
from pages.parts.pager import page_number
from pages.runs.listing import asked, columns, sweep_row
from pages.runs.listing.acts import undo_bar
from pages.runs.listing.asked import Query, address
from pages.runs.marks_view import star
from pages.runs.state import action_buttons, delete_button
from storage.tables import Run

ROWS = 50
FILTERS_SECONDS = 20


def list_html(query: Query) -> Markup:
    """The list as the address asks for it."""
    problem = Markup()
    try:
        which = asked.wanted(query)
    except RefusedError as error:
        problem = html.notice(error.message, error.hint, "warn")
        which = asked.wanted({**query, "sort": ""})
    listed = listing.page(which, ROWS, (page_number(query) - 1) * ROWS, columns.metrics(query))
    place = listed.offset // ROWS + 1
    is_all = asked.is_all_chosen(query) and listed.total > 0
    still_chosen = [asked.ALL] if is_all else listing.among(asked.choosable(query), asked.chosen(query))
    # In every link: the page there is, and of the chosen runs those there are.
    query = {**query, "page": str(place) if place > 1 else "", "chosen": ",".join(still_chosen)}
    undo = undo_bar(query["project"])
    if not listed.runs and not asked.is_filtered(query) and not listing.any_of(query["project"]):
        return filled('<div class="ts-stack">{}{}</div>', undo, _nothing())
    return filled('<div class="ts-stack">{}{}{}{}{}{}</div>', 
        undo, _head(query, listed), problem + _sweep(query, listed), _chosen(query, _themselves(query, listed)),
        _table(query, listed),
        _pager(query, listed),
    )  # fmt: skip


def _themselves(query: Query, listed: Listed) -> Sequence[Run]:
    """The runs of a page that can be chosen: not those that stand for a sweep."""
    is_grouped = asked.is_grouped(query)
    return [run for run in listed.runs if sweep_row.line_of(run, listed, is_grouped) is None]


def _sweep(query: Query, listed: Listed) -> Markup:
    sweep = listed.sweeps.get(query.get("sweep", ""))
    return sweep_row.heading(sweep) if sweep is not None else Markup()


def _nothing() -> Markup:
    text = "A run trains a model on a dataset. You see its loss fall here, live, and can stop and resume it."
    return html.empty("No runs yet", text, "/train", "Set up a training", "runs")


def _head(query: Query, listed: Listed) -> Markup:
    """How many there are, the filters, the saved views."""
    words = sweep_row.counted(listed.total, listing.sweeps_among(asked.wanted({**query, "sort": ""})))
    queue = Markup('<a class="ts-button" data-soft href="/runs?queue=1">Queue</a>')
    above = filled(
        '<div class="ts-above"><p>{}</p><div class="ts-actions">{}{}</div></div>',
        words,
        queue,
        html.link_button("New run", "/train", primary=True),
    )
    return above + live.element("runs", "filters", FILTERS_SECONDS)


def filters_html(query: Query) -> str:
    """What the list can be filtered by, its columns and saved views: asked for less often than the list itself."""
    return str(
        filled(
            '<div class="ts-stack"><div class="rn-filters">{}{}</div>{}</div>',
            _filters(query),
            columns.menu(query, listing.metric_names()),
            _views(query),
        )
    )


def _filters(query: Query) -> Markup:
    there = listing.choices(query["project"])
    choices: tuple[tuple[str, str, list[tuple[str, str]]], ...] = (
        ("status", "Status", [(key, words) for key, (words, _) in asked.STATUSES.items()]),
        ("method", "Method", [("", "every method"), *((one, one.upper()) for one in there.methods if one)]),
        ("model", "Model", [("", "every model"), *there.models]),
        ("dataset", "Dataset", [("", "every dataset"), *there.datasets]),
        ("sweep", "Sweep", [("", "every run"), *there.sweeps] if there.sweeps else []),
        ("tag", "Tag", [("", "every tag"), *((tag, tag) for tag in there.tags)]),
        ("when", "Created", [(key, words) for key, (words, _) in asked.TIMES.items()]),
        ("sort", "Sorted", columns.orders(query)),
        ("show", "Shown", [(key, words) for key, (words, _) in asked.SHOWN.items()]),
    )
    selects = [
        filters.select(name, label, _with(offered, query.get(name, "")), query.get(name, ""))
        for name, label, offered in choices
        if len(offered) > 2 or query.get(name) or (name == "sweep" and offered)
    ]
    return filters.form("runs-filters", query.get("q", ""), "Search the runs by name, tag or note", *selects)


def _with(offered: list[tuple[str, str]], chosen: str) -> list[tuple[str, str]]:
    """What is offered, and what the address names: it may be one of many more."""
    return offered if any(value == chosen for value, _ in offered) else [*offered, (chosen, chosen)]


def _views(query: Query) -> Markup:
    """The views that the project keeps, and a form for the list as it is."""
    now = asked.view_query(query)
    kept = views.of_project(query["project"])
    links = html.join(_view(view.id, view.name, view.query, view.query == now) for view in kept)
    save = Markup()
    if now and all(view.query != now for view in kept):
        save = filled(
            '<details class="rn-save" data-menu><summary class="ts-button">Save this view</summary>'
            '<form data-act="save-view" data-id="{}"><input type="hidden" name="query" value="{}">'
            '<input class="ts-input" name="name" maxlength="60" required placeholder="Name of the view"'
            ' aria-label="Name of the view" autocomplete="off">'
            '<button class="ts-button">Save</button></form></details>',
            query["project"],
            now,
        )
    all_runs = html.link("All runs", "/runs", soft=True) if now else ""
    if not (links or save):
        return Markup()
    return filled('<nav class="rn-views" aria-label="Saved views">{}{}{}</nav>', all_runs, links, save)


def _view(view_id: str, name: str, query: str, is_open: bool) -> Markup:
    return filled('<span class="rn-view"{}><a data-soft href="/runs?{}"{}><bdi>{}</bdi></a>'
        '<button type="button" data-act="delete-view" data-id="{}" data-confirm="{}" data-label="Delete"'
        ' data-tone="danger" aria-label="Delete the view {}" title="Delete this view">&times;</button></span>', 
        Markup(" data-open") if is_open else "", query, Markup(' aria-current="true"') if is_open else "", name,
        view_id, f"Delete the view {name}? No run is touched.", name,
    )  # fmt: skip


def _chosen(query: Query, on_page: Sequence[Run]) -> Markup:
    """How many are chosen, and what can be done with them."""
    ids = asked.chosen(query)
    if not ids:
        return Markup()
    matching = listing.count(asked.matching(query))
    if asked.is_all_chosen(query):
        words = f"All {matching:,} runs that match are chosen."
        return choosing.bar(words, _acts(query, asked.matching_as_id(query), matching), address(query, chosen=""))
    runs, joined = "1 run" if len(ids) == 1 else f"{len(ids)} runs", ",".join(ids)
    can_compare = comparing.FEWEST <= len(ids) <= comparing.MOST
    rest = [run.id for run in on_page if run.id not in ids]
    can_choose_page = rest and len(ids) + len(rest) <= asked.MOST_CHOSEN
    all_words = f"Choose all {matching:,} that match"
    acts = (
        choosing.beside("Side by side", f"/runs?compare={joined}") if can_compare else "",
        *_acts(query, joined, len(ids)),
        html.link("Choose this page", address(query, chosen=[*ids, *rest]), soft=True) if can_choose_page else "",
        html.link(all_words, address(query, chosen=asked.ALL), soft=True) if matching > len(ids) else "",
    )
    hint = " Choose another one to compare them." if len(ids) == 1 else ""
    return choosing.bar(f"{runs} chosen.{hint}", acts, address(query, chosen=""))


def _acts(query: Query, chosen: str, count: int) -> tuple[Markup, ...]:
    """What can be done with the chosen ones: ids, or what stands for all that match."""
    runs = "1 run" if count == 1 else f"{count:,} runs"
    question = f"Delete {runs} with checkpoints, results and exports? It can be undone for 30 seconds."
    away = ("Unarchive", "all-unarchive") if query.get("show") == "archived" else ("Archive", "all-archive")
    return (
        _tag_form(chosen),
        html.button("Favourite", "all-favourite", chosen),
        html.button(*away, chosen),
        html.button("Stop", "all-stop", chosen, f"Stop {runs}?"),
        html.button("Delete", "all-delete", chosen, question, "danger"),
    )


def _tag_form(joined: str) -> Markup:
    return filled(
        '<details class="rn-tagging" data-menu><summary class="ts-button">Tag</summary>'
        '<form data-act="all-tag" data-id="{}"><input class="ts-input" name="tag" maxlength="40" required'
        ' placeholder="A tag" aria-label="Tag for the chosen runs" autocomplete="off">'
        '<button class="ts-button">Add</button></form></details>',
        joined,
    )


def _table(query: Query, listed: Listed) -> Markup:
    if not listed.runs:
        return html.empty("No such run", "None of this project fits the filter.", "/runs", "All runs")
    shown = columns.shown(query)
    heads = (
        html.Header("Choose", "actions"),
        columns.header(columns.Column("Run", lambda run, _: run.name, sort="name"), query),
        *(columns.header(column, query) for column in shown),
        html.Header("Actions", "actions"),
    )
    return html.table(heads, [_row(run, query, listed, shown) for run in listed.runs], "Runs")


def _row(run: Run, query: Query, listed: Listed, shown: Sequence[columns.Column]) -> html.Row:
    if sweep := sweep_row.line_of(run, listed, asked.is_grouped(query)):
        return sweep_row.row(run, sweep, listed, shown)
    href, chosen = f"/runs?run={run.id}", asked.chosen(query)
    name = filled(
        '<div class="ts-name">{}<bdi>{}</bdi>{}{}</div>',
        star(run),
        html.link(run.name, href, soft=True),
        _subjects(run, listed),
        _marks(run, listed, query),
    )
    is_all = asked.is_all_chosen(query)
    box = (
        choosing.fixed(f"{run.name} is chosen with all others")
        if is_all
        else choosing.box(
            run.id, f"Choose {run.name}", chosen, asked.MOST_CHOSEN, lambda ids: address(query, chosen=ids)
        )
    )
    cells = (box, name, *(column.cell(run, listed) for column in shown), delete_button(run) + action_buttons(run))
    return html.Row(cells, id=run.id, href=href, selected=is_all or run.id in chosen)


def _subjects(run: Run, listed: Listed) -> Markup:
    """What learnt from what, unless the run's name says just that."""
    model = listed.models.get(run.model_id, run.model_id)
    dataset = listed.datasets.get(run.dataset_id, run.dataset_id)
    if run.name == names.of_run(model, dataset):
        return Markup()
    return filled("<small>{} on {}</small>", model, dataset)


def _marks(run: Run, listed: Listed, query: Query) -> Markup:
    archived = Markup('<span class="ts-mark">archived</span>') if run.archived else Markup()
    marks = archived + columns.tags(run)
    marks += Markup() if query.get("sweep") else sweep_row.mark(run, listed)
    return filled('<div class="ts-marks">{}</div>', marks) if marks else Markup()


def _pager(query: Query, listed: Listed) -> Markup:
    number, count = listed.offset // ROWS + 1, ceil(listed.total / ROWS)
    if count <= 1:
        return Markup()
    newer, older = (
        html.link(word, address(query, page=str(place) if place > 1 else ""), soft=True)
        if 1 <= place <= count
        else filled("<span>{}</span>", word)
        for word, place in (("Newer", number - 1), ("Older", number + 1))
    )
    return filled(
        '<nav class="ts-pager" aria-label="Pages of runs">{}<span>Page {} of {}</span>{}</nav>',
        newer,
        number,
        count,
        older,
    )
