"""The form that brings data in: upload files, paste rows, name a path on the studio's machine, or a dataset of the hub.

Which way is chosen is a radio of Gradio's; the style sheet shows the fields of that way alone, without asking the
server.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from engine.data import datasets, hub, named_sources, previews
from engine.errors import RefusedError, TunesmithError
from pages.data.incoming import preview
from pages.parts import live, toasts
from pages.shell import project_of
from storage import datasets as stored
from storage import db
from storage.statuses import DatasetStatus
from storage.tables import Dataset

WAYS = ("Upload", "Paste", "Path", "Hub")
PASTED = "Pasted rows"
FILE_TYPES = list(named_sources.endings())
EXAMPLE = '{"question": "What is the capital of France?", "answer": "Paris."}\n{"question": ...'


# app/static/upload.js: how far the files have come, and Cancel; what is no file to import
UPLOAD_BAR = f'<ts-upload endings="{",".join(FILE_TYPES)}"></ts-upload>'
OPEN_DATASET = "(id) => { if (id && window.tunesmith) tunesmith.go('/data?dataset=' + encodeURIComponent(id)); }"
SHOW_LOOK = """(id) => {
  const query = new URLSearchParams(location.search);
  if (!window.tunesmith || query.has('dataset') || (query.get('look') ?? '') === id) return;
  id ? query.set('look', id) : query.delete('look');
  tunesmith.go('/data' + (String(query) ? '?' + query : ''), true);
}"""


def draw() -> None:
    """The form, its preview, and what each of its fields and buttons does."""
    form, import_button, shown = fields_drawn()
    opened_id, look_id = gr.Textbox(visible=False), gr.Textbox(visible=False)
    inputs = [form[name] for name in FIELDS]
    emptied = [*inputs[1:], opened_id]
    brought_in = import_button.click(bring_in, inputs, emptied, **live.ACTING)
    acted = shown.action(act, form["name"], [*emptied, look_id], **live.ACTING)
    for event in (brought_in, acted):
        event.then(None, opened_id, None, js=OPEN_DATASET, **live.QUIET)
    hub_asked = wire(form)
    changed = (form["way"].change, form["files"].change, form["pasted"].blur, form["path"].blur, form["split"].input)
    looks = [event(look, inputs, look_id, **live.ACTING) for event in (*changed, *(asked.then for asked in hub_asked))]
    for event in (*looks, form["path"].submit(look_aloud, inputs, look_id, **live.ACTING), acted):
        event.then(None, look_id, None, js=SHOW_LOOK, **live.QUIET)


def fields_drawn() -> tuple[dict[str, Component], gr.Button, gr.HTML]:
    """The fields by name, in the order `bring_in` takes them, the button, and the preview."""
    form: dict[str, Component] = {}
    with gr.Column(elem_id="data-import"):
        form["way"] = gr.Radio(
            WAYS, value=WAYS[0], label="Where from", show_label=False, container=False, elem_id="data-way"
        )
        form |= _sources()
        with gr.Row(elem_id="data-end"):
            form["name"] = _text("name", "Name", "optional: the file's own name", 120, scale=1)
            import_button = gr.Button("Import", variant="primary", elem_id="data-go", scale=0, min_width=132)
        shown = live.live("preview", preview.html_of, actions=True)
    return form, import_button, shown


def _sources() -> dict[str, Component]:
    """The fields of each way, one way above the other."""
    form: dict[str, Component] = {
        "files": gr.File(
            file_types=FILE_TYPES,
            file_count="multiple",
            label="Training data",
            show_label=False,
            height=148,
            elem_id="data-file",
        )
    }
    gr.HTML(UPLOAD_BAR, apply_default_css=False, elem_id="data-upload")
    form |= {
        "pasted": gr.Textbox(
            label="Rows: JSON, JSON Lines, CSV with a header, or plain text",
            placeholder=EXAMPLE,
            lines=5,
            max_lines=12,
            elem_id="data-pasted",
        ),
        "path": _text("path", "A file or a folder on the studio's machine", "/data/rows.jsonl or /data/shards"),
    }
    with gr.Row(elem_id="data-hub"):
        form["hub_id"] = _text("hub-id", "Dataset on the Hugging Face hub", "owner/name", 200, scale=3)
        form["config"] = _choice("hub-config", "Configuration")
        form["split"] = _choice("hub-split", "Split")
    return form


def _choice(id: str, label: str) -> gr.Dropdown:
    """A field with choices that come when the hub has said what there is; anything may be written before."""
    return gr.Dropdown(
        [], value=None, label=label, allow_custom_value=True, scale=1, min_width=140, elem_id=f"data-{id}"
    )


LOOKING = live.ACTING | {"show_progress": "full"}  # it may take the hub seconds to answer


def wire(form: Mapping[str, Component]) -> list[Dependency]:
    """Asks the hub what a dataset has as soon as its id is written, and for the splits of another configuration."""
    outputs = [form["config"], form["split"]]
    return [
        *(event(offered, form["hub_id"], outputs, **LOOKING) for event in (form["hub_id"].blur, form["hub_id"].submit)),
        form["config"].input(splits, [form["hub_id"], form["config"]], form["split"], **LOOKING),
    ]


def offered(hub_id: str) -> list[Any]:
    """The configurations and splits of a dataset of the hub, the usual ones chosen."""
    if not hub_id.strip():
        return [gr.update(choices=[], value=None, info=None)] * 2
    nothing = "The hub offers nothing here."
    with toasts.toast():
        try:
            hub_dataset = hub.look(hub_id.strip())
        except hub.HubAwayError:
            nothing = "The hub does not answer."
            raise
        names = [str(config["name"]) for config in hub_dataset["configs"]]
        shown = gr.update(choices=names, value=hub_dataset["default"], info=None)
        return [shown, _splits(hub_dataset, hub_dataset["default"])]
    return [gr.update(choices=[], value=None, info=nothing)] * 2


def splits(hub_id: str, config: str) -> Any:
    """The splits of one configuration."""
    with toasts.toast():
        return _splits(hub.look(hub_id.strip()), config)
    return gr.skip()


def _splits(hub_dataset: Mapping[str, Any], config: str) -> Any:
    names = next((list(entry["splits"]) for entry in hub_dataset["configs"] if entry["name"] == config), [])
    return gr.update(choices=names, value="train" if "train" in names else next(iter(names), None), info=None)


def _text(id: str, label: str, placeholder: str, longest: int = 4096, scale: int | None = None) -> gr.Textbox:
    return gr.Textbox(
        label=label,
        placeholder=placeholder,
        max_lines=1,
        max_length=longest,
        scale=scale,
        min_width=140,
        elem_id=f"data-{id}",
    )


FIELDS = ("way", "files", "pasted", "path", "hub_id", "config", "split", "name")
EMPTY: dict[str, Any] = dict.fromkeys(FIELDS[2:], "") | {"files": None, "config": None, "split": None}


def bring_in(request: gr.Request, *values: Any) -> list[Any]:
    """Imports what the chosen way names; returns the emptied form (without the way) and the dataset's id."""
    fields = dict(zip(FIELDS, values, strict=True))
    with toasts.toast():
        dataset = import_one(fields, project_of(request))
        _take_the_place_of(request.query_params.get("replace", ""))
        return [*(EMPTY[name] for name in FIELDS[1:]), dataset.id]
    return [*(gr.skip() for _ in FIELDS[1:]), ""]


def look(request: gr.Request, *values: Any) -> str:
    """Begins to look at what the form names; the id of that, or "" for nothing that could be imported.

    Says nothing of what would be refused: whoever leaves a field has not asked for anything yet.
    """
    with suppress(TunesmithError):
        return begin_look(dict(zip(FIELDS, values, strict=True)), project_of(request))
    return ""


def look_aloud(request: gr.Request, *values: Any) -> str:
    """The same for whoever has asked for it, by Enter: what is refused is said."""
    with toasts.toast():
        return begin_look(dict(zip(FIELDS, values, strict=True)), project_of(request))
    return ""


def begin_look(fields: Mapping[str, Any], project_id: str) -> str:
    """The id of a look at what the chosen way names, "" when it names nothing. Raises what an import would."""
    name = str(fields.get("name") or "").strip()
    match fields["way"]:
        case "Upload" if fields["files"]:
            return previews.begin(_uploaded(fields), "upload", project_id).id
        case "Paste" if str(fields["pasted"]).strip():
            pasted = named_sources.pasted(fields["pasted"], only_to_look=True)
            return previews.begin([pasted], "paste", project_id, name=PASTED).id
        case "Path" if str(fields["path"]).strip():
            files = named_sources.files_at(str(fields["path"]))
            return previews.begin(files, "path", project_id, name=name or _folder_name(fields["path"], files)).id
        case "Hub" if fields["config"]:  # the hub has said what there is
            source = {key: str(fields.get(field) or "").strip() for key, field in _HUB_FIELDS.items()}
            return previews.begin_hub(source["id"], source["config"], source["split"], project_id=project_id).id
    return ""


def act(event: gr.EventData, request: gr.Request, name: str) -> list[Any]:
    """A button of the preview: imports as it is shown or by hand, or looks again in another encoding.

    Returns the emptied form, the dataset's id, and the id of the look.
    """
    kept = [gr.skip() for _ in FIELDS[1:]]
    with toasts.toast():
        if event.name == "read_as":
            return [*kept, "", preview.reading_as(event.id, event.values["encoding"])]
        dataset = preview.IMPORTS[event.name](event.id, str(name or "").strip(), project_of(request))
        _take_the_place_of(request.query_params.get("replace", ""))
        return [*(EMPTY[field] for field in FIELDS[1:]), dataset.id, ""]
    return [*kept, "", gr.skip()]


def _take_the_place_of(failed_id: str) -> None:
    """The failed dataset that the address names goes, now that another file has come for it."""
    failed = find_failed(failed_id)
    if failed is not None:
        datasets.delete_dataset(failed.id)


def find_failed(dataset_id: str) -> Dataset | None:
    """The dataset, if it is one whose file could not be imported."""
    with db.reading() as session:
        dataset = stored.get(session, dataset_id) if dataset_id else None
    return dataset if dataset is not None and dataset.status == DatasetStatus.FAILED else None


def import_one(fields: Mapping[str, Any], project_id: str) -> Dataset:
    """Begins the import that the form asks for. Raises RefusedError when there is nothing to import."""
    name = str(fields.get("name") or "").strip()
    match fields["way"]:
        case "Upload":
            return _files(_uploaded(fields), name, project_id, "upload")
        case "Paste":
            return _files([named_sources.pasted(fields["pasted"])], name or PASTED, project_id, "paste")
        case "Path":
            return _path(str(fields["path"]), name, project_id)
    return _hub(fields, name, project_id)


def _uploaded(fields: Mapping[str, Any]) -> list[named_sources.Named]:
    return [(Path(path), Path(path).name) for path in fields["files"] or ()]


def _files(files: Sequence[named_sources.Named], name: str, project_id: str, source: str) -> Dataset:
    if not files:
        raise RefusedError("There is no file to import.", "Drop one or more into the field.")
    return datasets.import_files(files, name, project_id, source)


def _path(text: str, name: str, project_id: str) -> Dataset:
    if not text.strip():
        raise RefusedError("There is no file to import.", "Write the path of a file or a folder.")
    files = named_sources.files_at(text)
    return _files(files, name or _folder_name(text, files), project_id, "path")


def _folder_name(text: str, files: Sequence[named_sources.Named]) -> str:
    """What a dataset of several files is called: as their folder."""
    return Path(text.strip()).name if len(files) > 1 else ""


def _hub(fields: Mapping[str, Any], name: str, project_id: str) -> Dataset:
    source = {key: str(fields.get(field) or "").strip() for key, field in _HUB_FIELDS.items()}
    if not source["id"]:
        raise RefusedError("There is no dataset to fetch.", "Write its id on the hub, such as owner/name.")
    if (refusal := hub.away(source["id"])) is not None:
        raise refusal
    return datasets.import_hub(source["id"], source["config"], source["split"], name=name, project_id=project_id)


_HUB_FIELDS = {"id": "hub_id", "config": "config", "split": "split"}
