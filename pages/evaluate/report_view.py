"""One report: the verdict in a sentence, the metric that decides against zero, the others, skills. Of runs too."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from engine.evaluate import picture, words
from pages.evaluate import skills_view
from pages.parts import html, marks
from pages.parts.filling import filled

Facts = Mapping[str, Any]
MOVING = ("queued", "running")
LONGEST = 600  # characters of a sentence or a name
HEADERS: tuple[str | html.Header, ...] = (
    "Metric",
    html.Header("Base", "number"),
    html.Header("Tuned", "number"),
    html.Header("Difference", "number"),
    html.Header("95 % interval", room=22),
    html.Header("Verdict", room=9),
)


def report_html(result: Facts) -> Markup:
    """What was found, how far it is, or why there is nothing."""
    if result["status"] != "succeeded":
        return brief_html(result)
    return filled(
        '<div class="ev-report">{}{}{}{}{}</div>',
        _verdict(result),
        _notes(result),
        _metrics(result),
        skills_view.skills_html(result["skills"]),
        explained(),
    )


def brief_html(result: Facts) -> Markup:
    """The verdict alone with the metric that decides, or how far the measuring is, or why there is nothing."""
    if result["status"] in MOVING:
        return _on_its_way(result)
    if result["status"] != "succeeded":
        return html.notice(result["error"] or "It was stopped.", result["hint"] or "", "warn")
    return filled('<div class="ev-report">{}</div>', _verdict(result))


def _on_its_way(result: Facts) -> Markup:
    waits = result["status"] == "queued"
    stage = result["stage"] or ("waiting" if waits else "starting")
    seconds = result["estimated_seconds"]
    how_long = f" Takes about {html.duration(seconds)}." if seconds else ""
    return filled(
        '<div class="ev-moving">{}<p class="ts-note">{}{}</p></div>',
        html.progress(0.0 if waits else result["progress"], "Measuring"),
        f"{stage[:1].upper()}{stage[1:]}.",
        how_long,
    )


def verdict_badge(result: Facts) -> Markup:
    """The verdict in a word, or where the evaluation stands."""
    if result["status"] != "succeeded":
        return html.badge(str(result["status"]), result["error"] or "")
    word, tone = words.verdict(result)
    return _badge(word, tone)


def _badge(word: str, tone: str, title: str = "") -> Markup:
    return filled('<span class="ts-badge" data-tone="{}" title="{}"><i></i>{}</span>', tone, title, word)


def _verdict(result: Facts) -> Markup:
    _, tone = words.verdict(result)
    return filled(
        '<div class="ev-verdict" data-tone="{}"><p class="ev-sentence">{}</p>{}</div>',
        tone,
        shown(result["sentence"]),
        _primary(result),
    )


def _primary(result: Facts) -> Markup:
    metric = next((one for one in result["metrics"] if one["name"] == result["primary"]), None)
    drawn = picture.interval(metric) if metric else Markup()
    if metric is None or not drawn:
        return Markup()
    name = metric["name"]
    values = f"{words.value(name, metric['base'])} → {words.value(name, metric['tuned'])}"
    return filled('<figure class="ev-primary"><figcaption><b>{}</b> {}<span>{} <small>95 % interval {}</small></span>'
        '</figcaption>{}<div class="ev-scale" aria-hidden="true"><span>{}</span><span>no difference</span>'
        "<span>{}</span></div></figure>", 
        shown(metric["title"]), values, words.change(name, metric["difference"]), words.interval(metric), drawn,
        *(("less", "more") if metric["better"] == "neither" else ("worse", "better")),
    )  # fmt: skip


def _notes(result: Facts) -> Markup:
    measured = f"Measured on {words.rows_measured(result)}, seed {result['seed']}." if result["rows"] else ""
    took = f" Took {html.duration(result['seconds'])}." if result["seconds"] is not None else ""
    told = html.join(
        filled('<li data-tone="{}">{}</li>', tone, shown(sentence)) for tone, sentence in words.notes(result)
    )
    return filled('<ul class="ev-notes"><li>{}{}</li>{}</ul>', shown(measured), took, told)


def _metrics(result: Facts) -> Markup:
    rows = [metric_row(metric, metric["name"] == result["primary"]) for metric in result["metrics"]]
    return html.table(HEADERS, rows, "What was measured") if rows else Markup()


def metric_row(metric: Facts, decides: bool) -> html.Row:
    """A metric as a row of HEADERS."""
    name = str(metric["name"])
    about = words.explained(name)
    title = filled(
        '<span class="ev-metric" title="{}">{}<small>{}</small></span>',
        about,
        shown(metric["title"]),
        "decides" if decides else direction(metric),
    )
    return html.Row(
        (
            title,
            words.value(name, metric["base"]),
            words.value(name, metric["tuned"]),
            words.change(name, metric["difference"]),
            interval_html(metric),
            _metric_verdict(metric),
        )
    )


def interval_html(metric: Facts, extent: float | None = None) -> Markup:
    """The bar with its ends under it."""
    drawn = picture.interval(metric, extent)
    return filled('<div class="ev-bar">{}<small>{}</small></div>', drawn, words.interval(metric))


def _metric_verdict(metric: Facts) -> Markup:
    if metric["verdict"] is None:
        return Markup('<span class="ts-note">not judged</span>')
    word, tone = words.verdict(metric)
    chance = "" if metric["p"] is None else f"p = {metric['p']:.3g}"
    return _badge(word, tone, chance)


def direction(metric: Facts) -> str:
    """Which way is better, in words."""
    return {"lower": "lower is better", "higher": "higher is better"}.get(str(metric["better"]), "neither is better")


def shown(text: object) -> Markup:
    """A name or a sentence that may hold a stranger's words: what hides or turns it around is shown as a mark."""
    return marks.shown(str(text), LONGEST)


def explained() -> Markup:
    """What an interval is, for somebody who has never seen one."""
    items = html.join(filled("<dt>{}</dt><dd>{}</dd>", *pair) for pair in words.EXPLAINED)
    return filled(
        '<details class="ev-explained" data-key="explained"><summary>How to read this</summary><dl>{}</dl></details>',
        items,
    )
