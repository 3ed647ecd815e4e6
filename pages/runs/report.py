"""Did it help? The report on a run, on its page: the verdict first, then how sure it is, and what got worse."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from engine.errors import TunesmithError
from engine.evaluate import evaluations, reports, words
from pages.evaluate import one_view, report_view, worse_view
from pages.parts import html, live, toasts
from storage.statuses import RunStatus
from storage.tables import Run


def can_be(run: Run) -> bool:
    """Whether there is something to report on."""
    return run.status == RunStatus.SUCCEEDED and bool(run.artifact)


def card_of(run: Run) -> Markup:
    """The card of a run that has succeeded; nothing for any other. What is in it fetches itself."""
    return html.card("Did it help?", live.element("runs", "report", 3), id="report") if can_be(run) else Markup()


def brief(run: Run) -> Markup:
    """The verdict alone, for the first tab; nothing for a run that has not succeeded."""
    return live.element("runs", "verdict", 5) if can_be(run) else Markup()


def verdict_html(query: Mapping[str, str]) -> str:
    """The verdict on the run in the query in a sentence, or how far its measuring is, with the way to the whole."""
    run_id = query.get("run", "")
    try:
        result = reports.of_run(run_id)
    except TunesmithError as error:
        return str(html.notice(error.message, error.hint, "warn"))
    link = html.link("The whole report", f"/runs?run={run_id}&tab=report", soft=True)
    measure = html.button("Measure now", "report", run_id) if not result["reports"] else Markup()
    acts = Markup('<div class="ts-actions">{}</div>').format(measure) if measure else Markup()
    return str(html.card("Did it help?", report_view.brief_html(result), acts, aside=link))


def report_html(query: Mapping[str, str]) -> str:
    """The newest report on the run in the query, and what can be done with it."""
    run_id = query.get("run", "")
    try:
        result = reports.of_run(run_id)
    except TunesmithError as error:
        return str(html.notice(error.message, error.hint, "warn"))
    is_done = result["status"] == "succeeded"
    worse = _worse(result) if is_done else Markup()
    return str(
        Markup('<div class="ts-stack">{}{}<div class="ts-actions">{}</div></div>').format(
            report_view.report_html(result), worse, _actions(run_id, result)
        )
    )


def _worse(result: Mapping[str, Any]) -> Markup:
    """A fold, whose rows are fetched when it is opened."""
    if not result["worse_rows"]:
        return worse_view.none_html(result)
    evaluation_id = result["evaluation_id"]
    return Markup(
        '<details class="ev-worse" data-key="worse"><summary>{}</summary>'
        '<ts-fold data-keep id="worse-{}" src="/fragments/runs/worse?evaluation={}"></ts-fold></details>'
    ).format(words.got_worse(result), evaluation_id, evaluation_id)


def worse_html(query: Mapping[str, str]) -> str:
    """The rows that got worse, of the evaluation in the query."""
    try:
        return str(worse_view.first_html(evaluations.look_up(query.get("evaluation", ""))))
    except TunesmithError as error:
        return str(html.notice(error.message, error.hint, "warn"))


def _actions(run_id: str, result: Mapping[str, Any]) -> Markup:
    if result["status"] in report_view.MOVING:
        return html.link("On the Evaluate page", f"/evaluate?evaluation={result['evaluation_id']}")
    buttons = [html.button("Measure again" if result["reports"] else "Measure now", "report", run_id)]
    if result["rows"] < result["all_rows"]:
        buttons.append(html.button(f"Measure all {result['all_rows']:,} rows", "report-all", run_id))
    if result["status"] == "succeeded":
        buttons += [one_view.download(result["evaluation_id"], name) for name in ("HTML", "JSON")]
        buttons.append(html.link("On the Evaluate page", f"/evaluate?evaluation={result['evaluation_id']}"))
    return html.join(buttons)


def again(run_id: str, _values: Mapping[str, str]) -> None:
    """Asks for another report."""
    reports.again(run_id)
    toasts.done("It is measured again.")


def again_on_all(run_id: str, _values: Mapping[str, str]) -> None:
    """Asks for a report on every row there is."""
    reports.again(run_id, all_rows=True)
    toasts.done("It is measured on all rows.")
