"""The sweep in the Train form as HTML: the controls at the fields, the panel beside them, what it would take.

The script app/static/sweep_form.js puts a copy of each range at its field, and each problem at what it is about.
"""

from collections.abc import Mapping
from typing import Any
from zlib import crc32

from markupsafe import Markup

from engine.recipes.methods import METHODS
from engine.sweeps import proposals, reported
from engine.sweeps.spec import MEMORY, SECONDS, SIZE, TASTE, TOKENS
from pages.parts import html
from pages.train.recipe_form import WORDS
from pages.train.recipe_words import TITLES
from pages.train.sweep_values import NOTHING, ON, SEPARATOR, TRIALS, Typed, offered

SAMPLERS = {
    "tpe": "TPE: learns as it goes",
    "gp": "GP: for few, dear trials",
    "random": "Random",
    "qmc": "Evenly spread",
    "grid": "Grid: all combinations",
    "cmaes": "CMA-ES: numbers only",
    "nsga2": "NSGA-II: for several goals",
}
PRUNERS = {
    "none": "No, every trial to its end",
    "median": "Worse than the median",
    "hyperband": "Hyperband",
    "halving": "Successive halving",
    "patient": "No longer better",
}
SECOND = {SECONDS: "Time", TOKENS: "Tokens", MEMORY: "Memory", SIZE: "Size of the result"}
PARTS = {
    "budget": "Budget",
    "objective": "Goes by",
    "sampler": "Search",
    "pruner": "End bad trials early",
    "proxy": "Cheaper trials",
    "parallel": "At the same time",
    "patience": "Stop when it no longer pays",
    "repeats": "Repeats of the best",
    "space": "Space",
    "recipe": "Recipe",
    "name": "Name",
    "sweep": "Sweep",
}
MANY_WORDS = 6  # choices that are shown before the list scrolls


def closed_html() -> str:
    """All that stands there for who wants one training."""
    button = html.button("Find settings by a sweep", "open")
    return str(Markup('<div class="tr-sweep-closed">{}</div>').format(button))


def panel_html(typed: Typed, recipe: Mapping[str, Any]) -> str:
    """The card with what is asked of the sweep, and, hidden, what belongs at the fields."""
    places = html.join(
        Markup('<li data-field="{}" data-title="{}"{}></li>').format(
            name, TITLES[name], Markup(" data-on") if name in typed.fields else ""
        )
        for name in dict.fromkeys((*offered(recipe), *typed.fields))
    )
    ranges = html.join(_controls(name, typed, recipe) for name in typed.fields)
    head = Markup('<header><h2 id="sweep-title">Sweep</h2>{}</header>').format(html.button("Close", "close"))
    hint = Markup('<p class="tr-fit-note">Press Sweep at a field to give it a range. Each trial is a run.</p>')
    content = _asked(typed, recipe) + _more(typed)
    behind = Markup('<ul hidden>{}</ul><div class="tr-ranges" hidden>{}</div>').format(places, ranges)
    made = f"{crc32((content + behind).encode()):08x}"
    card = Markup('<section class="ts-card tr-sweep" aria-labelledby="sweep-title" data-made="{}">{}{}{}</section>{}')
    return str(card.format(made, head, hint, content, behind))


def _controls(name: str, typed: Typed, recipe: Mapping[str, Any]) -> Markup:
    """A range or choices, as they stand at the field."""
    title, is_number = TITLES[name], proposals.is_number(name)
    as_choices = typed.text(f"{name}.kind") == "choices"
    kind = Markup()
    if is_number:
        options = {"range": "Range", "choices": "Choices"}
        kind = _select(f"{name}.kind", f"{title}: kind", options, "choices" if as_choices else "range", turns=True)
    else:
        kind = Markup('<input type="hidden" name="{}.kind" value="choices">').format(name)
    content = _choices(name, typed, recipe) if as_choices else _range(name, typed)
    more = kind if as_choices else _log(name, typed) + kind
    content += Markup('<div class="tr-range-more">{}</div>').format(more) if is_number else kind
    return Markup(
        '<fieldset class="tr-range" data-field="{}"><legend>{}: what the sweep tries</legend>{}'
        '<p class="tr-range-problem" role="status" hidden></p></fieldset>'
    ).format(name, title, content)


def _range(name: str, typed: Typed) -> Markup:
    title = TITLES[name]
    inputs = html.join(
        Markup("<label>{}{}</label>").format(word, _input(f"{name}.{end}", f"{title}: {word.lower()}", typed, hint))
        for end, word, hint in (("low", "Low", ""), ("high", "High", ""), ("step", "Step", "none"))
    )
    return Markup('<div class="tr-range-numbers">{}</div>').format(inputs)


def _log(name: str, typed: Typed) -> Markup:
    return Markup(
        '<label class="tr-check" title="As many trials from 1 to 10 as from 10 to 100">'
        '<input type="checkbox" name="{}.log"{} aria-label="{}: log scale">Log</label>'
    ).format(name, Markup(" checked") if typed.text(f"{name}.log") == ON else "", TITLES[name])


def _choices(name: str, typed: Typed, recipe: Mapping[str, Any]) -> Markup:
    words = _words(name, recipe)
    chosen = typed.text(f"{name}.choices").split(SEPARATOR)
    if not words:
        hint = "One a line" if not proposals.is_number(name) else "Numbers, one a line"
        return Markup(
            '<label class="tr-lines">{}<textarea name="{}.choices" rows="3" spellcheck="false" '
            'aria-label="{}: choices">{}</textarea></label>'
        ).format(hint, name, TITLES[name], "\n".join(chosen))
    boxes = html.join(
        Markup(
            '<label class="tr-check"><input type="checkbox" data-many name="{}.choices" value="{}"{}>{}</label>'
        ).format(name, word, Markup(" checked") if word in chosen else "", WORDS.get(word, word))
        for word in dict.fromkeys((*words, *(one for one in chosen if one)))
    )
    many = Markup(" data-scrolls") if len(words) > MANY_WORDS else ""
    return Markup('<div class="tr-range-choices"{}>{}</div>').format(many, boxes)


def _words(name: str, recipe: Mapping[str, Any]) -> list[str]:
    """The words of a choice, as the form writes them; none where a person writes what there is to choose."""
    words = proposals.words(name, str(recipe["method"]), str(recipe["tuning"]))
    return ["on" if word is True else "off" if word is False else str(word) for word in words]


def _input(name: str, label: str, typed: Typed, placeholder: str = "", usual: str = NOTHING) -> Markup:
    return Markup(
        '<input name="{}" value="{}" aria-label="{}" placeholder="{}" autocomplete="off" inputmode="decimal">'
    ).format(name, typed.text(name, usual), label, placeholder)


def _select(name: str, label: str, options: Mapping[str, str], value: str, turns: bool = False) -> Markup:
    items = html.join(
        Markup('<option value="{}"{}>{}</option>').format(option, Markup(" selected") if option == value else "", words)
        for option, words in options.items()
    )
    return Markup('<select name="{}" aria-label="{}"{}>{}</select>').format(
        name, label, Markup(" data-turns") if turns else "", items
    )


def _part(part: str, *content: object, unit: str = "") -> Markup:
    """One line of the card, with the place for what is wrong with it."""
    after = Markup("<small>{}</small>").format(unit) if unit else ""
    return Markup(
        '<div class="tr-part" data-part="{}"><span>{}</span><div>{}{}</div><p role="status" hidden></p></div>'
    ).format(part, PARTS[part], html.join(content), after)


def _asked(typed: Typed, recipe: Mapping[str, Any]) -> Markup:
    """What everybody decides."""
    method = METHODS[str(recipe["method"])]
    metrics = {name: name for name in reported.metrics(recipe) if reported.better(name)}
    metrics[TASTE] = "taste: you compare the answers"
    second = {NOTHING: "nothing else", **SECOND, **{name: name for name in metrics if name != TASTE}}
    metric = _select("metric", "Goes by", metrics, typed.text("metric", method.measure) or method.measure)
    budget = _input("trials", "Budget: trials", typed, "any", TRIALS)
    return html.join(
        [
            _part("objective", metric),
            _second(second, typed),
            _part("budget", budget, unit="trials"),
            _part("sampler", _select("sampler", PARTS["sampler"], SAMPLERS, typed.text("sampler", "tpe"))),
            _part("pruner", _select("pruner", PARTS["pruner"], PRUNERS, typed.text("pruner", "none"))),
        ]
    )


def _second(options: Mapping[str, str], typed: Typed) -> Markup:
    select = _select("second", "And by", options, typed.text("second"))
    return Markup('<div class="tr-part"><span>And by</span><div>{}</div></div>').format(select)


def _more(typed: Typed) -> Markup:
    """What has a good start already."""

    def line(part: str, name: str, unit: str, placeholder: str = "", usual: str = NOTHING) -> Markup:
        return _part(part, _input(name, PARTS[part], typed, placeholder, usual), unit=unit)

    def extra(title: str, name: str, unit: str, placeholder: str = "none") -> Markup:
        box = _input(name, title, typed, placeholder)
        return Markup('<div class="tr-part"><span>{}</span><div>{}<small>{}</small></div></div>').format(
            title, box, unit
        )

    name = Markup('<input name="name" value="{}" aria-label="Name" placeholder="optional" maxlength="120">').format(
        typed.text("name")
    )
    lines = [
        _part("name", name),
        extra("Or by time", "hours", "hours"),
        extra("Or by tokens", "tokens", "tokens"),
        line("proxy", "proxy_steps", "steps instead of all", "none"),
        extra("A part of the rows", "proxy_share", "%"),
        extra("Then in full", "full", "best ones", "3"),
        line("parallel", "parallel", "trials", "1"),
        line("repeats", "repeats", "other seeds", "0"),
        line("patience", "patience", "trials without a gain", "never"),
        extra("Stop when broken", "failures", "failures alike in a row", "3"),
        extra("Seed", "seed", "", "0"),
    ]
    read = Markup(
        '<form data-act="import" class="tr-import"><label>Load a sweep: paste its YAML'
        '<textarea name="text" rows="3" required spellcheck="false"></textarea></label>'
        '<button class="ts-button">Load</button></form>'
    )
    return Markup('<details class="ts-more"><summary>More</summary><div>{}</div>{}</details>').format(
        html.join(lines), read
    )
