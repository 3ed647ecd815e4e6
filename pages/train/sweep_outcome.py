"""What the sweep of the Train form would take, what is wrong with it, its YAML, and Start."""

from collections.abc import Iterable
from urllib.parse import quote

from markupsafe import Markup

from engine.sweeps import space, yaml_file
from engine.sweeps.cost import Cost
from engine.sweeps.space import Holding
from engine.sweeps.spec import SweepSpec
from engine.train import spending
from engine.train.rules.problem import Problem
from pages.parts import html
from pages.train.recipe_words import TITLES
from pages.train.sweep_view import PARTS


def outcome_html(spec: SweepSpec | None, problems: Iterable[Problem], cost: Cost, holding: Holding | None) -> str:
    """What the sweep would take, what is wrong with it, its YAML, and Start."""
    listed = list(problems)
    lines = html.join(
        Markup('<li data-level="{}" data-for="{}"><b>{}</b> <span>{}</span></li>').format(
            problem.level, problem.field, name_of(problem.field), f"{problem.message} {problem.hint}".strip()
        )
        for problem in listed
    )
    is_bad = any(problem.level == "error" for problem in listed) or spec is None
    start = Markup(
        '<button type="button" class="ts-button tr-sweep-start" data-tone="primary" data-act="start"{}>'
        "Start sweep</button>"
    ).format(Markup(" disabled") if is_bad else "")
    return str(
        Markup('<div class="tr-outcome">{}<ul class="tr-problems" aria-live="polite">{}</ul>{}{}</div>').format(
            "" if spec is None or is_bad else _cost(spec, cost, holding), lines, start, _yaml(spec) if spec else ""
        )
    )


def name_of(field: str) -> str:
    """What a problem is about, in the words of the form."""
    return TITLES.get(field) or PARTS.get(field, "Sweep")


def _cost(spec: SweepSpec, cost: Cost, holding: Holding | None) -> Markup:
    facts: list[tuple[str, object]] = [
        ("Space", _space(spec, holding)),
        ("Trials", _trials(cost)),
        ("Each", _each(cost)),
        ("In all", _in_all(spec, cost)),
        *_spending(spec, cost),
    ]
    return html.facts(facts)


def _space(spec: SweepSpec, holding: Holding | None) -> str:
    count = space.combinations(spec.space)
    names = f"{len(spec.space)} setting{'' if len(spec.space) == 1 else 's'}"
    words = f"{names}, {count:,} combinations" if count else names
    if holding and holding.held < holding.tried:
        refused = holding.tried - holding.held
        words += f"; {refused} of {holding.tried} {'' if holding.every else 'tried '}would be refused"
    return words


_LIMITS = {
    "trials": "",
    "seconds": ", as many as the time allows",
    "tokens": ", as many as the tokens allow",
    "grid": ", the whole grid",
}


def _trials(cost: Cost) -> str:
    if cost.trials is None or cost.limited_by is None:
        return "not known before the time of one is"
    words = f"{'about ' if cost.limited_by in ('seconds', 'tokens') else ''}{cost.trials:,}{_LIMITS[cost.limited_by]}"
    words += f", then {cost.full} in full" if cost.full else ""
    words += f", then the best {cost.repeats} times more" if cost.repeats else ""
    return words + (f"; {cost.side_by_side} at a time" if cost.side_by_side > 1 else "; one at a time")


def _each(cost: Cost) -> Markup | str:
    if cost.each is None:
        return f"not known yet: {cost.basis}" if cost.basis else ""
    low, high = (html.remaining(seconds) for seconds in cost.each)
    words = f"about {low}" if low == high else f"{low} to {high}"
    tag = Markup('<span class="tr-source" data-source="{}">{}</span>').format(cost.source, cost.source)
    return Markup("{} {}").format(words, tag)


def _in_all(spec: SweepSpec, cost: Cost) -> Markup | str:
    """How long, and when that is by the browser's clock."""
    if cost.seconds is None:
        return ""
    words = f"{_about(spec)} {html.remaining(cost.seconds)}"
    return Markup('{}, until <time data-after="{:.0f}"></time>').format(words, cost.seconds)


def _about(spec: SweepSpec) -> str:
    """Trials that may end early make it less."""
    return "at most" if spec.pruner != "none" or spec.patience is not None else "about"


def _spending(spec: SweepSpec, cost: Cost) -> list[tuple[str, object]]:
    """Energy and money of all of it, where they are known or have a price."""
    words = spending.in_words(cost.spending, _about(spec)) if cost.spending else None
    return [(words.title, Markup("{} <small>{}</small>").format(words.value, words.detail))] if words else []


def _yaml(spec: SweepSpec) -> Markup:
    text = yaml_file.to_yaml(spec)
    copy = Markup('<button type="button" class="ts-button" data-copy="sweep-yaml">Copy</button>')
    address = "data:text/yaml;charset=utf-8," + quote(text)
    save = Markup('<a class="ts-button" href="{}" download="{}.yaml">Download</a>').format(address, _file_name(spec))
    return Markup(
        '<details class="ts-more"><summary>The sweep as YAML</summary><div class="tr-view">'
        '<header><p>{}</p>{}{}</header><pre class="ts-code" id="sweep-yaml" tabindex="0">{}</pre></div></details>'
    ).format("For tunesmith sweep FILE, or to load again here.", copy, save, text)


def _file_name(spec: SweepSpec) -> str:
    kept = "".join(letter if letter.isalnum() or letter in " -_" else "-" for letter in spec.name).strip()
    return kept[:60] or "sweep"
