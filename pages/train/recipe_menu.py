"""The recipes a person keeps, as a menu of the Train page: used again, saved, renamed, taken away, brought in."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import gradio as gr
from markupsafe import Markup

from engine.recipes import presets, provenance, saved
from engine.recipes.provenance import SUBJECTS
from pages.parts import html, toasts
from pages.parts.icons import icon
from pages.train.recipe_edits import form_of, model_and_dataset
from pages.train.recipe_form import recipe_of
from pages.train.recipe_words import TITLES

Values = dict[str, Any]


def menu_html(stay_open: bool = False) -> str:
    """What is kept, and the forms to save what the form shows and to bring in a file."""
    rows = html.join(_row(name) for name in saved.names())
    empty = Markup('<p class="ts-hint">Keep the form under a name, and use it for any model.</p>')
    return str(
        Markup(
            '<details class="tr-menu" data-menu{}><summary>Saved recipes</summary><div>{}{}{}</div></details>'
        ).format(
            Markup(" open") if stay_open else "", Markup("<ul>{}</ul>").format(rows) if rows else empty, _SAVE, _IMPORT
        )
    )


def _row(name: str) -> Markup:
    rename = Markup(
        '<details class="ts-rename"><summary aria-label="Rename {}" title="Rename">{}</summary>'
        '<form data-act="rename" data-id="{}"><input name="name" value="{}" maxlength="60" required'
        ' aria-label="New name" autocomplete="off"><button class="ts-button">Rename</button></form></details>'
    ).format(name, icon("pencil"), name, name)
    use = Markup(
        '<button type="button" class="ts-choice" data-act="use" data-id="{}" title="Use it in the form">'
        "<span>{}</span></button>"
    ).format(name, name)
    address = f"/api/recipes/saved/{quote(name, safe='')}/yaml"
    download = Markup('<a class="ts-link" href="{}" download="{}.yaml">YAML</a>').format(address, name)
    delete = html.button(
        "Delete", "delete", name, f"Delete the recipe {name}? Runs that used it keep their own.", "danger"
    )
    return Markup("<li>{}{}{}{}</li>").format(use, download, rename, delete)


_SAVE = Markup(
    '<form data-act="save"><label>Save what the form shows as<input name="name" maxlength="60" required'
    ' autocomplete="off" placeholder="a name"></label><button class="ts-button">Save</button></form>'
)
_IMPORT = Markup(
    '<form data-act="import" class="tr-import"><label>Import a recipe: paste YAML, or choose a file'
    '<textarea name="text" rows="3" required spellcheck="false" placeholder="learning_rate: 2e-4"></textarea></label>'
    '<input type="file" accept=".yaml,.yml,.txt" aria-label="A recipe\'s file">'
    '<button class="ts-button">Import</button></form>'
)


def act(event: gr.EventData, given: str, *values: Any) -> list[Any]:
    """What a click in the menu does: [the menu, given, the unit of the length, an update for every field]."""
    recipe, origins = recipe_of(values), provenance.from_json(given)
    with toasts.toast():
        match event.name:
            case "use":
                fields = saved.look_up(event.id).fields
                return [menu_html(), *_with(without_subjects(fields), provenance.named("recipe", event.id), recipe)]
            case "import":
                return [menu_html(), *_import(event.values.get("text", ""), recipe)]
            case "save":
                name = saved.save(event.values.get("name", "").strip(), recipe).name
                toasts.done(f"{name} is kept.")
            case "rename":
                saved.rename(event.id, event.values.get("name", "").strip())
            case "delete":
                saved.delete(event.id)
        return [menu_html(stay_open=True), *form_of(recipe, origins)]
    return [gr.skip()] * (len(values) + 3)


def without_subjects(fields: Mapping[str, Any]) -> Values:
    return {name: value for name, value in fields.items() if name not in SUBJECTS}


def _with(fields: Values, origin: str, recipe: Values) -> list[Any]:
    """The form with these fields in it, and the model and dataset it had, unless they say others."""
    filled = {**recipe, **fields}
    return form_of(
        *presets.with_length_capped(
            filled, provenance.note_origin({}, without_subjects(fields), origin), model_and_dataset(filled)[0]
        )
    )


def _import(text: str, recipe: Values) -> list[Any]:
    fields = saved.read(text)
    model, dataset = model_and_dataset(fields)
    existing = {"model_id": model, "dataset_id": dataset}
    missing = [name for name in SUBJECTS if fields.get(name) and existing[name] is None]
    for name in missing:
        words = (
            "The recipe names the {} {}, which is not here. The form keeps its own: choose another if it does not fit."
        )
        gr.Info(str(Markup(words).format(TITLES[name].lower(), fields[name])), title="Not here")
    kept = {name: recipe.get(name) for name in missing}
    return _with({**fields, **kept}, provenance.FILE, recipe)
