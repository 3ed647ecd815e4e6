"""The tab Health: the score of a dataset, what was found in it, and what can be done about each finding."""

from collections.abc import Callable, Mapping
from functools import partial

from markupsafe import Markup

from engine.data import health, health_choices
from engine.errors import RefusedError
from engine.rows.health.checks import CHECKS
from engine.rows.health.score import Part
from pages.data import dataset_view, health_compare, health_rows
from pages.parts import html
from pages.parts.log_link import log_link
from pages.parts.pager import offset_of
from storage.statuses import WorkStatus
from storage.tables import Dataset

LABEL = "Health"
_GOOD, _FAIR = 90, 70  # scores from which on the rows are fit, or worth a look
_WORDS = {"good": "Good to train on", "warn": "Worth a look", "bad": "Needs work"}
_PAST = {"drop": "without these rows", "mask": "with placeholders for them", "strip": "without them"}


def html_of(dataset: Dataset, query: Mapping[str, str]) -> Markup:
    """All of the tab. `check` in the address unfolds the rows of a finding, `from` turns their pages."""
    report = health.report(dataset.id)
    if report.score is None:
        return Markup('<div class="dt-health">{}{}</div>').format(
            _unchecked(dataset, report), _compare(dataset, report)
        )
    open_check = query.get("check", "")
    offset = offset_of(query)
    parts = [part for part in report.parts if part.found]
    rows = dataset.train_rows
    findings = html.join(_finding(dataset, part, rows, part.check == open_check, offset) for part in parts)
    findings_card = Markup('<section class="ts-card dt-findings" aria-label="Findings">{}</section>').format(findings)
    return Markup('<div class="dt-health">{}{}{}{}</div>').format(
        _score(report.score, report), findings_card if parts else "", _other_checks(report), _compare(dataset, report)
    )


def _unchecked(dataset: Dataset, report: health.Report) -> Markup:
    """What stands there until the checks are made."""
    work = report.work
    if work is not None and health.under_way(report):
        return html.card(
            "Looking at every row",
            Markup("<p>{}</p>").format(work.stage or "Waiting for its turn."),
            html.progress(work.progress, "Checking the dataset"),
            aside=log_link(work.id, "health check"),
        )
    start = html.button("Check", "health-check", dataset.id, tone="primary")
    if work is not None and work.status == WorkStatus.FAILED:
        notice = html.notice(work.error or "The checks failed.", work.hint or "")
        return html.join([notice, Markup("<p>{} {}</p>").format(start, log_link(work.id, "health check"))])
    explanation = (
        f"{html.count(dataset.train_rows)} rows are looked through for duplicates, leakage, refusals, personal data, "
        "special tokens, unusual lengths and stray languages. It takes about a minute for every few hundred thousand."
    )
    return html.card("Not checked yet", Markup("<p>{}</p><p>{}</p>").format(explanation, start))


def _compare(dataset: Dataset, report: health.Report) -> Markup:
    stale = report.score is not None and not report.compared
    return health_compare.form_html(dataset, report.against, stale)


def _score(score: int, report: health.Report) -> Markup:
    tone = "good" if score >= _GOOD else "warn" if score >= _FAIR else "bad"
    costly = [part for part in report.parts if part.points]
    parts = html.join(
        Markup('<li><span>{}</span><i style="width:{}%"></i><b>{}</b></li>').format(
            CHECKS[part.check].title, max(1, round(100 * part.points / costly[0].points)), f"−{part.points:.1f}"
        )
        for part in costly
    )
    losses = Markup('<ol class="dt-parts-of-score" aria-label="What it lost points for">{}</ol>').format(parts)
    nothing = Markup("<p>{}</p>").format("Nothing was found that lowers the score.")
    return Markup(
        '<section class="ts-card dt-score" data-tone="{}">'
        "<div><p><b>{}</b><span>of 100</span></p><p>{}</p></div>{}</section>"
    ).format(tone, score, _WORDS[tone], losses if costly else nothing)


def _finding(dataset: Dataset, part: Part, rows: int, unfolded: bool, offset: int) -> Markup:
    check = CHECKS[part.check]
    share = f"{100 * part.share:.1f} %" if part.share >= 0.001 else "less than 0.1 %"
    count = f"{html.count(part.found)} {'row' if part.found == 1 else 'rows'}, {share}"
    points = "ignored" if part.ignored else f"−{part.points:.1f} points"
    details = (
        ", ".join(f"{html.count(number)} × {kind}" for kind, number in part.details.items()) if _counted(part) else ""
    )
    below = health_rows.rows_html(dataset, check, part, offset) if unfolded else ""
    return Markup(
        '<article class="dt-finding" data-key="finding-{}"{}>'
        "<header><h2>{}</h2><span>{}</span><span>{}</span></header>"
        "<div><p>{}</p>{}{}</div><footer>{}</footer>{}</article>"
    ).format(
        part.check,
        Markup(" data-ignored") if part.ignored else "",
        check.title,
        count,
        points,
        check.means,
        _small(details),
        _small(part.note),
        _actions(dataset, part, unfolded),
        below,
    )


def _counted(part: Part) -> bool:
    return part.check in ("personal_data", "language_mix")


def _small(text: str) -> Markup:
    return Markup("<p><small>{}</small></p>").format(text) if text else Markup()


def _actions(dataset: Dataset, part: Part, unfolded: bool) -> Markup:
    check = CHECKS[part.check]
    address = health_rows.address(dataset.id, "" if unfolded else part.check)
    show = Markup('<a class="ts-button" data-soft href="{}" aria-expanded="{}">{}</a>').format(
        address, str(unfolded).lower(), "Hide rows" if unfolded else "Show rows"
    )
    question = f"Make a new version of {dataset.name} {_PAST[check.fix]}? This version is not changed."
    fix = html.button(check.fix_label, f"health-fix-{part.check}", dataset.id, question)
    ignore = html.button("Count again" if part.ignored else "Ignore", f"health-ignore-{part.check}", dataset.id)
    return html.join([show, fix, ignore])


def _other_checks(report: health.Report) -> Markup:
    """What was looked for in vain, and what could not be looked for."""
    clean = [CHECKS[part.check].title.lower() for part in report.parts if part.applies and not part.found]
    not_applicable = [CHECKS[part.check].title.lower() for part in report.parts if not part.applies and not part.found]
    notes = [part.note for part in report.parts if part.note and not part.found and part.check != "leakage"]
    lines = (
        ("Not found", ", ".join(clean)),
        ("Nothing to judge", ", ".join(not_applicable)),
        ("To know", " ".join(notes)),
    )
    return html.card("All the other checks", html.facts(lines)) if any(text for _, text in lines) else Markup()


def _check(dataset_id: str, _values: Mapping[str, str], _project: str) -> None:
    health.start(dataset_id)


def _fix(check: str, dataset_id: str, _values: Mapping[str, str], _project: str) -> str:
    return dataset_view.address(health.fix(dataset_id, check).id)


def _ignore(check: str, dataset_id: str, _values: Mapping[str, str], _project: str) -> None:
    health_choices.ignore(dataset_id, check, check not in health_choices.ignored(dataset_id))


def _drop(dataset_id: str, values: Mapping[str, str], _project: str) -> str:
    ticked = [int(name.removeprefix("row-")) for name in values if name.startswith("row-")]
    if not ticked:
        raise RefusedError("No row is ticked.", "Tick the rows to drop.")
    return dataset_view.address(health.fix(dataset_id, values.get("check", ""), ticked).id)


ACTS: dict[str, Callable[[str, Mapping[str, str], str], str | None]] = {
    "health-check": _check,
    health_rows.DROP: _drop,
    health_compare.ACT: health_compare.compare,
    **{f"health-fix-{name}": partial(_fix, name) for name in CHECKS},
    **{f"health-ignore-{name}": partial(_ignore, name) for name in CHECKS},
}
