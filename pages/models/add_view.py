"""The ways to get a model: the starter, the hub, a folder or a GGUF file of this machine."""

from collections.abc import Mapping

from markupsafe import Markup

from engine.weights.starter import STARTER_NAME
from pages.parts import html
from storage import models as stored_models
from storage.db import reading


def add_html(query: Mapping[str, str]) -> str:
    """Three ways to a model. A form is made anew, and so emptied, when a model has come. None beside one model."""
    if query.get("model"):
        return ""
    with reading() as session:
        count, has_starter = stored_models.count(session), stored_models.has_source(session, "starter")
    forms = [
        _hub_way(query.get("hub", "")),
        _way(count, "path", "From this machine", "Folder, or a .gguf file", "/data/models/my-model",
             "A folder stays where it is; it needs config.json, a tokenizer and safetensors. A GGUF file of Llama 3, "
             "SmolLM2, Qwen2.5 or Qwen3 is turned back into weights that can be trained; a quantised one is a "
             "little worse than the original."),
    ]  # fmt: skip
    starter = [] if has_starter or not count else [_starter_way()]
    return str(
        Markup('<h2 class="ts-section">Add a model</h2><div class="mo-ways">{}</div>').format(
            html.join(forms + starter)
        )
    )


def _way(model_count: int, act: str, title: str, label: str, example: str, help: str) -> Markup:
    return Markup(
        '<form class="ts-card mo-way" data-act="{act}" data-key="{act}-{turn}"><h3>{title}</h3>'
        '<label for="add-{act}">{label}</label><div><input id="add-{act}" name="id" placeholder="{example}" '
        'required maxlength="500" autocomplete="off" spellcheck="false"><button class="ts-button">Add</button></div>'
        "<p>{help}</p></form>"
    ).format(act=act, turn=model_count, title=title, label=label, example=example, help=help)


def _hub_way(text: str) -> Markup:
    return Markup(
        '<form class="ts-card mo-way" role="search" data-query data-forget="page" data-key="hub"><h3>{}</h3>'
        '<label for="add-hub">{}</label><div class="mo-hub-field">'
        '<input id="add-hub" type="search" name="hub" value="{}" placeholder="Qwen/Qwen3-0.6B" '
        'maxlength="200" autocomplete="off" autocapitalize="off" spellcheck="false" '
        'role="combobox" aria-expanded="false" aria-autocomplete="list" aria-controls="add-hub-names">'
        '<button class="ts-button">Look</button>'
        '<div id="add-hub-names" data-keep role="listbox" aria-label="Models of that name" hidden></div></div>'
        "<p>{}</p></form>"
    ).format(
        "From the Hugging Face Hub",
        "Model id, or a part of its name",
        text,
        "You see its size and whether it fits here before anything is downloaded. Only safetensors are fetched; "
        "code of a repository is never run. While you type, the hub is asked for names.",
    )


def _starter_way() -> Markup:
    return Markup('<div class="ts-card mo-way"><h3>The starter model</h3><p>{}</p><div>{}</div></div>').format(
        f"{STARTER_NAME} trains on a laptop without a GPU. About 93 MB to download, once.",
        html.button("Get the starter", "starter"),
    )
