"""What to do next: what the run doctor finds in a run's curves, with its remedy one click away from the Train form."""

import json
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from engine.runs.doctor import diagnosis
from engine.runs.doctor.rules import RULES
from pages.parts import html
from pages.parts.chart import Band
from pages.train.recipe_source import address_with
from storage.tables import Run

TITLES = {rule.name: rule.title for rule in RULES}
TONES = {"error": "bad", "warning": "warn", "info": "calm"}


def show(run: Run, _query: Mapping[str, str]) -> Markup:
    """The card; nothing before the first point of a curve."""
    if not run.step and run.ended_at is None:
        return Markup()
    findings = diagnosis.of(run)
    if not findings:
        if not run.step:
            return Markup()
        fine = Markup('<p class="ts-hint">Nothing looks wrong: {} rules were asked of the curves.</p>')
        return html.card("What to do next", fine.format(len(RULES)))
    items = html.join(_finding(run, finding) for finding in findings)
    return html.card("What to do next", Markup('<ul class="rn-findings">{}</ul>').format(items))


def bands(run: Run) -> list[Band]:
    """Where it shows, for the charts."""
    return [
        Band(
            finding["metric"],
            finding["from_step"],
            finding["to_step"],
            finding["severity"],
            TITLES[finding["rule"]],
        )
        for finding in diagnosis.of(run)
    ]


def _finding(run: Run, finding: Mapping[str, Any]) -> Markup:
    where = f"{finding['metric']}, step {finding['from_step']:,} to {finding['to_step']:,}"
    return Markup(
        '<li data-key="{}" data-tone="{}"><b>{}</b><p>{}</p><div class="rn-remedy"><small>{}</small>{}</div></li>'
    ).format(
        finding["rule"],
        TONES[finding["severity"]],
        TITLES[finding["rule"]],
        finding["message"],
        where,
        _remedy(run, finding["remedy"]),
    )


def _remedy(run: Run, remedy: Mapping[str, Any]) -> Markup:
    if not remedy:
        return Markup()
    words = ", ".join(f"{name} {_word(value)}" for name, value in remedy.items())
    return Markup('<small>{}</small><a class="ts-button" href="{}">Try that</a>').format(
        words, address_with(run.id, remedy)
    )


def _word(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
