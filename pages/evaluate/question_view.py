"""Is A better than B? Two choices and an answer in a sentence, or the way to get one."""

from collections.abc import Mapping

from markupsafe import Markup
from sqlmodel import Session

from engine.evaluate import pairs, words
from pages.evaluate import new_form
from pages.parts import fields, html


def question_html(session: Session, query: Mapping[str, str], choices: new_form.Choices) -> Markup:
    """The question as a form that writes itself into the address (`?a=run:X&b=run:Y`), and its answer."""
    first, second = query.get("a", ""), query.get("b", "")
    if len(choices) < 2:
        return Markup()
    sides = [_side(session, choices, name, label, query) for name, label in (("a", "Is"), ("b", "better than"))]
    form = Markup(
        '<form class="dt-fields" data-query id="evaluate-question">{}<button class="ts-button" data-tone="primary">'
        "Ask</button></form>"
    ).format(html.join(sides))
    answer = answer_html(first, second, query["project"]) if first and second else ""
    is_open = Markup(" open") if first else ""
    return Markup(
        '<details class="ev-question" data-key="question"{}><summary>Is A better than B?</summary>{}{}</details>'
    ).format(is_open, form, answer)


def _side(session: Session, choices: new_form.Choices, name: str, label: str, query: Mapping[str, str]) -> Markup:
    subject = query.get(name, "")
    options = fields.options(new_form.with_own(session, choices, subject), subject)
    return Markup('<label><b>{}</b><select name="{}">{}</select></label>').format(label, name, options)


def answer_html(first: str, second: str, project_id: str) -> Markup:
    """The answer, and what it comes from; where nobody has measured it, a button that does."""
    if first == second:
        return html.notice("These two are the same.", "Choose another one.", "calm")
    said = pairs.is_better(first, second, project_id)
    if said is None:
        return Markup('<div class="ev-answer">{}{}</div>').format(
            html.notice("These two have not been compared yet.", "Measure them on the same rows to find out.", "calm"),
            _measure(first, second),
        )
    others = f" Of {said.measured:,} evaluations, this one has the most rows." if said.measured > 1 else ""
    hint = f"{said.proof} Measured on {words.counted(said.rows, 'row')}.{others}"
    return Markup('<div class="ev-answer">{}{}</div>').format(
        html.notice(said.answer, hint, said.tone),
        html.link("The whole report", f"/evaluate?evaluation={said.evaluation_id}", soft=True),
    )


def _measure(first: str, second: str) -> Markup:
    hidden = html.join(
        Markup('<input type="hidden" name="{}" value="{}">').format(name, value)
        for name, value in (("subject", first), ("against", second))
    )
    return Markup(
        '<form data-act="measure">{}<button class="ts-button" data-tone="primary">Measure them</button></form>'
    ).format(hidden)
