"""One evaluation in full: what was compared, its report, the rows it asked, tags, what can be done with it."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from engine.evaluate import evaluations, reports, titles
from engine.evaluate.evaluations import Wanted
from pages.evaluate import report_view, worse_view
from pages.parts import html, stopping, toasts, undo
from pages.parts.log_link import log_link
from storage import db
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Evaluation

FORMATS = ("HTML", "CSV", "JSON")


def evaluation_html(row: Evaluation) -> Markup:
    """The whole of it. The rows that were asked fetch themselves: they may be long, and do not change."""
    result = evaluations.result(row)
    with db.reading() as session:
        called = titles.of(session, (row.subject, row.against))
    worse = worse_card(row.id, "evaluate") if result["status"] == "succeeded" else Markup()
    return Markup('<div class="ts-stack" data-id="{}" data-key="evaluation-{}">{}{}{}{}</div>').format(
        row.id,
        row.id,
        html.link(Markup("&larr; All evaluations"), "/evaluate", soft=True),
        _head(row, called),
        html.card("Did it help?", report_view.report_html(result)),
        worse,
    )


def worse_card(evaluation_id: str, page: str) -> Markup:
    """The card of the rows that were asked, as an element that is fetched once, and for each page of it."""
    element = Markup(
        '<ts-live data-keep id="worse-{}" src="/fragments/{}/worse" seconds="3600"><div class="ts-skeleton"></div>'
        "</ts-live>"
    ).format(evaluation_id, page)
    return html.card("Row by row", element, id="worse-rows")


def worse_rows(query: Mapping[str, str]) -> Markup:
    """What that element holds for the evaluation in the address. Raises NotFoundError."""
    return worse_view.rows_html(evaluations.look_up(query.get("evaluation", "")), query)


def _head(row: Evaluation, called: Mapping[str, str]) -> Markup:
    pair = Markup('<p class="ev-pair">{} <span>against</span> {}</p>').format(
        subject_link(row.subject, called), subject_link(row.against, called)
    )
    limit = "every row" if row.all_rows else "as time allows" if row.limit is None else f"at most {row.limit:,}"
    facts = html.facts(
        (
            ("Requested", html.moment(row.created_at)),
            ("Rows", limit),
            ("Seed", str(row.seed)),
            ("Report on", html.link("the run", f"/runs?run={row.run_id}") if row.run_id else ""),
        )
    )
    title = Markup('<div class="ts-title"><h2>{}</h2>{}<div class="ts-actions">{}</div></div>').format(
        report_view.shown(row.name), html.badge(row.status), _actions(row)
    )
    shown = html.in_title(row.name, guide="evaluations")
    return Markup('<section class="ts-card">{}{}{}{}{}</section>').format(shown, title, pair, facts, _tags(row))


def subject_link(subject: str, called: Mapping[str, str]) -> Markup:
    """A subject's name, leading to its run; models have a page of their own together."""
    noun, _, rest = subject.partition(":")
    href = f"/runs?run={quote(rest.partition('@')[0])}" if noun == "run" else "/models"
    return html.link(report_view.shown(called.get(subject, subject)), href)


def _actions(row: Evaluation) -> Markup:
    log = log_link(row.id, row.name) if row.work_id else Markup()
    if row.status in WORK_MOVING:
        return html.join([log, stopping.stop("evaluation", row.id, row.name)])
    downloads = [download(row.id, name) for name in FORMATS] if row.status == WorkStatus.SUCCEEDED else []
    more = [html.button("Measure again", "again", row.id), html.button("Measure all rows", "again-all", row.id)]
    question = f"Delete the evaluation {row.name}? {undo.SAID}"
    return html.join([log, *downloads, *more, html.button("Delete", "delete", row.id, question, "danger")])


def download(ids: str, name: str) -> Markup:
    """A link to the file of one evaluation, or of several."""
    address = f"/api/evaluations/download?ids={quote(ids)}&format={name.lower()}"
    return Markup('<a class="ts-button" href="{}" download>{}</a>').format(address, name)


def _tags(row: Evaluation) -> Markup:
    return Markup(
        '<form class="ts-inline ev-tags" data-act="tag" data-id="{}"><label>Tags <input class="ts-input" name="tags"'
        ' value="{}" maxlength="400" placeholder="separated by commas" autocomplete="off"></label>'
        '<button class="ts-button">Save</button></form>'
    ).format(row.id, ", ".join(row.tags))


def again(evaluation_id: str, _values: Mapping[str, str], _project: str) -> str:
    """Measures the same once more; returns the address of the new evaluation."""
    return _again(evaluation_id, {})


def again_all(evaluation_id: str, _values: Mapping[str, str], _project: str) -> str:
    """Measures the same on every row there is."""
    return _again(evaluation_id, {"all_rows": True, "limit": None})


def _again(evaluation_id: str, changed: Mapping[str, Any]) -> str:
    row = evaluations.look_up(evaluation_id)
    if row.run_id:
        made = reports.again(row.run_id, bool(changed.get("all_rows")))["evaluation_id"]
    else:
        same = {name: getattr(row, name) for name in ("name", "kind", "subject", "against", "dataset_id", "limit",
                                                      "all_rows", "seed", "project_id")}  # fmt: skip
        made = evaluations.create(Wanted(**{**same, **changed, "tags": tuple(row.tags)})).id
    toasts.done("It is queued.")
    return f"/evaluate?evaluation={made}"
