"""What the Train form shows of where its values came from: the presets to choose, and a mark at each changed field.

The page's script (app/static/train.js) reads both lists: it puts the marks at their fields and counts them.
"""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from engine.recipes import presets, provenance
from engine.recipes.presets import Preset
from engine.recipes.provenance import Given
from engine.recipes.recipe import Recipe
from pages.parts import html
from pages.train.recipe_check import Checked
from pages.train.recipe_form import SECTION_OF
from pages.train.recipe_words import TITLES, value_words

NONE_CHOSEN = "A preset fills in several fields at once; each can still be changed."


def marks_html(checked: Checked, values: Mapping[str, Any], given: Given) -> str:
    """The origin of each changed field, and what a click on its mark puts back."""
    basis = presets.method_defaults(values, checked.model)
    row = Markup('<li data-field="{}" data-group="{}" data-from="{}" data-back="{}"></li>')
    return str(
        Markup("<ul hidden>{}</ul>").format(
            html.join(
                row.format(name, SECTION_OF.get(name, ""), origin, _back(name, values, given, basis))
                for name, origin in provenance.origins_to_show(values, given).items()
            )
        )
    )


def _back(name: str, values: Mapping[str, Any], given: Given, basis: Given) -> str:
    value, origin = provenance.put_back(name, values, given, basis)
    return f"{value_words(value)} ({origin})"


def presets_html(checked: Checked, values: Mapping[str, Any], given: Given) -> str:
    """A button for each preset that fits, and what those in force have set and why."""
    offered = presets.fitting(checked.model, str(values["method"]), str(values["tuning"]))
    in_force = [preset for preset in presets.all_presets() if provenance.still_holds(given, values, preset.origin)]
    buttons = html.join(
        Markup(
            '<button type="button" class="tr-preset" data-act="preset" data-id="{}" aria-pressed="{}" title="{}">'
            "{}</button>"
        ).format(preset.name, "true" if preset in in_force else "false", preset.about, preset.shown)
        for preset in [*offered, *(preset for preset in in_force if preset not in offered)]
    )
    about = _about(in_force, values, given) if in_force else Markup('<p class="tr-about">{}</p>').format(NONE_CHOSEN)
    return str(
        Markup('<div class="tr-presets" role="group" aria-label="Presets"><b>Preset</b>{}</div>{}').format(
            buttons, about
        )
    )


def _about(in_force: list[Preset], values: Mapping[str, Any], given: Given) -> Markup:
    """One line, whatever is in force, that unfolds into each value with its reason."""
    preset_of = {
        name: preset
        for preset in in_force
        for name, (origin, value) in given.items()
        if origin == preset.origin and provenance.is_same_value(values.get(name), value)
    }
    lines = html.join(
        Markup("<li><b>{}</b> {} <small>{}</small></li>").format(
            TITLES[name], value_words(values[name]), preset_of[name].why(name, values[name])
        )
        for name in Recipe.model_fields
        if name in preset_of
    )
    names = " and ".join(preset.shown for preset in in_force)
    words = f"{names} set{'s' * (len(in_force) == 1)} {len(preset_of)} value{'s' * (len(preset_of) != 1)}."
    about = in_force[0].about if len(in_force) == 1 else ""
    return Markup('<details class="tr-about"><summary>{} {}</summary><ul>{}</ul></details>').format(words, about, lines)
