"""The list of evaluations: what was measured, for what, when, and what came of it; filtered, and some chosen."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup
from sqlmodel import Session

from engine.evaluate import titles, words
from engine.evaluate.comparison import MOST_COMPARED
from pages.evaluate import new_form, question_view, report_view
from pages.evaluate.report_view import shown
from pages.parts import choosing, filters, html, undo
from pages.parts.filling import filled
from pages.parts.pager import pager_by_page, place_of
from storage import datasets, db
from storage import evaluations as stored
from storage.evaluations import Filter
from storage.statuses import WorkStatus
from storage.tables import Evaluation

Facts = Mapping[str, Any]
ROWS = 25
KEPT = ("q", "tag", "status", "chosen", "page")
STATUSES: dict[str, tuple[str, tuple[WorkStatus, ...]]] = {
    "": ("every status", ()),
    "moving": ("on their way", (WorkStatus.QUEUED, WorkStatus.RUNNING)),
    "done": ("done", (WorkStatus.SUCCEEDED,)),
    "failed": ("failed or stopped", (WorkStatus.FAILED, WorkStatus.STOPPED)),
}
HEADERS: tuple[str | html.Header, ...] = (
    html.Header("Evaluation", room=16),
    html.Header("Rows", room=10),
    html.Header("Verdict", room=10),
    html.Header("Deciding metric", room=24),
    "When",
    html.Header("Actions", "actions"),
)


def list_html(query: Mapping[str, str]) -> Markup:
    """The question, the form for a new one, and the project's evaluations, the newest first."""
    with db.reading() as session:
        which = filter_of(query)
        place = place_of(query, ROWS, stored.count(session, which))
        rows = stored.listed(session, which, ROWS, place.offset)
        tags = stored.tags_of(session, query["project"])
        named(session, rows)
        choices = new_form.subjects(session, query["project"])
        asking = new_form.new_html(session, query, choices) + question_view.question_html(session, query, choices)
    is_filtered = any(query.get(name) for name in ("q", "tag", "status"))
    deleted = undo.bar(Evaluation, query["project"], has_files=False)
    if not rows and not is_filtered:
        return filled('<div class="ts-stack">{}{}{}</div>', deleted, _asking(asking), _nothing())
    table = _not_found()
    if rows:
        table = html.table(HEADERS, [_row(row, query) for row in rows], "Evaluations")
    kept = {name: query[name] for name in KEPT if query.get(name) and name != "page"}
    return filled(
        '<div class="ts-stack">{}{}{}{}{}{}</div>',
        deleted,
        _asking(asking),
        _filters(query, tags),
        _chosen(query),
        filled('<div class="ev-list">{}</div>', table),
        pager_by_page(place, "/evaluate", "evaluations", **kept),
    )


def filter_of(query: Mapping[str, str]) -> Filter:
    """What the address asks for."""
    statuses = STATUSES.get(query.get("status", ""), STATUSES[""])[1]
    return Filter(query["project"], query.get("q", "").strip()[:120], query.get("tag", "")[:40], statuses=statuses)


def named(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Gives each row the names that its result does not have yet."""
    called = titles.of(session, {row[side] for row in rows for side in ("subject", "against")})
    sets = datasets.names(session, {row["dataset_id"] for row in rows if row["dataset_id"]})
    for row in rows:
        for side in ("subject", "against"):
            row[f"{side}_title"] = row[f"{side}_title"] or called[row[side]]
        row["dataset_name"] = row["dataset_name"] or sets.get(row["dataset_id"])


def _asking(asking: Markup) -> Markup:
    return filled('<section class="ts-card ev-asking ts-folds">{}</section>', asking) if asking else Markup()


def _nothing() -> Markup:
    text = (
        "Every run gets a report automatically when it succeeds: did it help, and how sure is that? "
        "You can also compare any two models."
    )
    return html.empty("Nothing measured yet", text, "/train", "Set up a training", "evaluate")


def _not_found() -> Markup:
    return html.empty("No evaluation matches", "None here matches the filter.", "/evaluate", "All evaluations")


def _filters(query: Mapping[str, str], tags: Sequence[str]) -> Markup:
    statuses = [(name, label) for name, (label, _) in STATUSES.items()]
    selects = [filters.select("status", "Status", statuses, query.get("status", ""))]
    if tags:
        tags_offered = [("", "every tag"), *((tag, tag) for tag in tags)]
        selects.append(filters.select("tag", "Tag", tags_offered, query.get("tag", "")))
    return filters.form("evaluate-filters", query.get("q", ""), "Search the evaluations by name", *selects)


def ids_of(text: str) -> list[str]:
    """Ids of an address, each once, no more than can be compared."""
    return choosing.ids_of(text, MOST_COMPARED)


def _address(query: Mapping[str, str], **changed: str) -> str:
    kept = {name: query.get(name, "") for name in KEPT} | changed
    return f"/evaluate?{urlencode({name: value for name, value in kept.items() if value})}"


def _chosen(query: Mapping[str, str]) -> Markup:
    """How many are chosen, and what can be done with them."""
    chosen = ids_of(query.get("chosen", ""))
    if not chosen:
        return Markup()
    count = f"{words.counted(len(chosen), 'evaluation')} chosen."
    if len(chosen) == 1:
        return choosing.bar(f"{count} Choose another one to compare them.", (), _address(query, chosen=""))
    beside = choosing.beside("Side by side", f"/evaluate?{urlencode({'compare': ','.join(chosen)})}")
    return choosing.bar(count, (beside,), _address(query, chosen=""))


def _row(row: Facts, query: Mapping[str, str]) -> html.Row:
    href = f"/evaluate?evaluation={row['id']}"
    tags = html.join(filled('<span class="ts-mark">{}</span>', tag) for tag in row["tags"])
    name = filled(
        '<div class="ts-name">{}<small>{} against {}</small><div class="ts-marks">{}</div></div>',
        html.link(shown(row["name"]), href, soft=True),
        shown(row["subject_title"]),
        shown(row["against_title"]),
        tags,
    )
    measured = filled(
        "{}<small>{}</small>",
        html.DASH if row["rows"] is None else f"{row['rows']:,}",
        shown(row["dataset_name"] or ""),
    )
    cells = (name, measured, report_view.verdict_badge(row), _deciding(row), html.moment(row["created_at"]))
    return html.Row((*cells, _choose(row, query)), row["id"], href, row["id"] in ids_of(query.get("chosen", "")))


def _deciding(row: Facts) -> Markup:
    """The metric that decides with its interval; the reason where there is none."""
    metric = next((one for one in row["metrics"] or () if one["name"] == row["primary"]), None)
    if metric is None:
        return filled('<small class="ev-reason">{}</small>', shown(row["error"] or ""))
    but = filled("<small>but worse at {}</small>", shown(words.names_of(row["but_worse"]))) if row["but_worse"] else ""
    return filled(
        '<div class="ev-deciding"><span>{} <b>{}</b></span>{}{}</div>',
        shown(metric["title"]),
        words.change(metric["name"], metric["difference"]),
        report_view.interval_html(metric),
        but,
    )


def _choose(row: Facts, query: Mapping[str, str]) -> Markup:
    return choosing.button(
        row["id"],
        f"Choose {row['name']}",
        ids_of(query.get("chosen", "")),
        MOST_COMPARED,
        lambda ids: _address(query, chosen=",".join(ids)),
    )
