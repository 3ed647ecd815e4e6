"""Code: a task in words becomes code in an editor; it runs in a sandbox, is fixed, compared, kept and taken away.

A snippet and its versions are in the database, which of them is shown is in the address (`/code?snippet=ID&version=2`),
and what is typed and not kept yet is in the browser. Nothing else is kept anywhere.
"""

from typing import Any

import gradio as gr

from pages.code import asking, files, keeping, mending, opening, running, several, shelf
from pages.code.sheet import NAMES
from pages.parts import live

SLUG, TITLE, SUBTITLE, KEY, ICON = "code", "Code", "Write code with a model, run it in a sandbox, keep it", "e", "code"
GROUP = "Use"

STREAMING: dict[str, Any] = {
    "concurrency_limit": 8,
    "concurrency_id": "code",
    "show_progress": "hidden",
    **live.PRIVATE,
}
WITH_PLACE = "(...fields) => [...fields.slice(0, -2), ...window.tunesmith.code.place()]"
KEEP_DRAFT = "(...fields) => { window.tunesmith.code.keep(...fields); }"
KEEP_GROWN = "(...fields) => { window.tunesmith.code.keepGrown(...fields); }"
REST = "() => { window.tunesmith.code.rest(); tunesmith.refresh(); }"
TABS_SCRIPT = "tunesmith.code.tabs(element, (detail) => trigger('action', detail))"
ACTIONS_SCRIPT = "tunesmith.actions(element, (detail) => trigger('action', detail))"
PLACEHOLDER = "What should the code do? Such as: read a CSV of sales and print the total of each month."


def page() -> None:
    """What is wanted on the left, the editor and what came of it on the right, what is kept below."""
    live.live("served", opening.served_html, seconds=5)
    head = live.live("head", shelf.head_html, seconds=20, actions=True)
    field: dict[str, Any] = {
        name: gr.Textbox(visible=False) for name in ("snippet_id", "files_json", "opened", "error")
    }
    field["cursor"], field["base"] = gr.Number(visible=False), gr.Number(visible=False)  # the browser knows both
    with gr.Row(elem_id="code", equal_height=False):
        with gr.Column(elem_id="code-ask", min_width=0):
            actions = _ask(field)
        with gr.Column(elem_id="code-work", min_width=0):
            tabs = _html("code-tabs", TABS_SCRIPT, files.tabs_html(files.desk_with({})))
            field["code"] = gr.Code(
                "", language="python", lines=18, max_lines=30, show_label=False, interactive=True, buttons=[],
                elem_id="code-editor",
            )  # fmt: skip
            run, stop, told = _run_bar(field)
            output = _html("code-output", ACTIONS_SCRIPT)
            made = _html("code-made", ACTIONS_SCRIPT)
            side = live.live("side", several.side_html, seconds=20, actions=True)
            live.live("diff", shelf.diff_html, seconds=20)
        with gr.Column(elem_id="code-shelf", min_width=0):
            versions = live.live("versions", shelf.versions_html, seconds=10, actions=True)
            live.acting(live.live("snippets", shelf.snippets_html, seconds=20, actions=True), keeping.undo_deletion)
    draft = gr.Textbox(visible=False)
    sheet = [field[name] for name in NAMES]
    desk = [field["files_json"], field["opened"], field["code"], tabs]
    shown = [*desk, output, made, field["error"], told]
    drafted = [field[name] for name in ("snippet_id", "files_json", "opened", "code", "task", "language", "model")]
    asked = [field["task"], field["language"], field["model"]]

    gr.on(
        None, opening.open_page, draft, [field["snippet_id"], *asked, *shown],
        js="() => [window.tunesmith.code.recall()]", **live.QUIET,
    )  # fmt: skip
    edits = [field[name].input for name in ("code", "task", "language", "model")]
    gr.on(edits, None, drafted, None, js=KEEP_DRAFT, **live.QUIET)
    grown = [field[name].change for name in ("code", "task")]  # what a model writes; a paste is no input of a Textbox
    gr.on(grown, None, drafted, None, js=KEEP_GROWN, **live.QUIET)
    field["language"].input(opening.begin_language, [*desk[:3], field["language"]], desk, **live.QUIET)
    changed = tabs.action(opening.change_files, desk[:3], [*desk, told], **live.ACTING)
    changed.then(None, drafted, None, js=KEEP_DRAFT, **live.QUIET)
    head.action(keeping.act, sheet, [field["snippet_id"], told], js=WITH_PLACE, **live.ACTING)
    for listed in (versions, side):
        listed.action(keeping.open_version, field["snippet_id"], shown, **live.ACTING)

    written = actions.action(asking.act, sheet, [field["snippet_id"], *shown], js=WITH_PLACE, **STREAMING)
    mended = output.action(mending.mend, sheet, [field["snippet_id"], *shown], js=WITH_PLACE, **STREAMING)
    ran = run.click(running.run, sheet, [output, field["error"], told], js=WITH_PLACE, **STREAMING)
    for event in (written, mended, ran):
        event.then(None, None, None, js=REST, **live.QUIET)
    stop.click(asking.stopped, None, told, cancels=[written, mended], **live.QUIET).then(
        None, drafted, None, js=KEEP_DRAFT, **live.QUIET
    )


def _html(id: str, script: str | None = None, value: str = "") -> gr.HTML:
    return gr.HTML(value, elem_id=id, js_on_load=script, apply_default_css=False)


def _ask(field: dict[str, Any]) -> gr.HTML:
    """The task, who writes and in what, and what can be asked for."""
    field["task"] = gr.Textbox(
        label="Task", lines=5, max_lines=16, placeholder=PLACEHOLDER, elem_id="code-task", submit_btn=False
    )
    with gr.Row(elem_classes="cd-pair"):
        field["language"] = gr.Dropdown(
            files.LANGUAGES, value="python", label="Language", min_width=0, elem_id="code-language"
        )
        field["model"] = gr.Dropdown([], label="Model", allow_custom_value=True, min_width=0, elem_id="code-model")
    actions = gr.HTML(asking.ACTIONS_HTML, js_on_load=ACTIONS_SCRIPT, apply_default_css=False, elem_id="code-actions")
    with gr.Accordion("Settings", open=False, elem_id="code-settings"):
        field["answers"] = gr.Slider(
            1, 4, 1, step=1, label="Answers side by side", info="Each is run, and the best is taken.",
            elem_id="code-answers",
        )  # fmt: skip
        field["rounds"] = gr.Slider(1, 5, 3, step=1, label="Rounds of Fix it", elem_id="code-rounds")
        field["into"] = gr.Dropdown(files.LANGUAGES, value="javascript", label="Translate into", elem_id="code-into")
        field["temperature"] = gr.Slider(0, 2, 0.2, step=0.05, label="Temperature", elem_id="code-heat")
        field["max_tokens"] = gr.Slider(64, 8192, 1024, step=64, label="Longest answer, in tokens", elem_id="code-most")
    return actions


def _run_bar(field: dict[str, Any]) -> tuple[gr.Button, gr.Button, gr.HTML]:
    """Run and Stop, what is going on, what shuts the code in; what it is given."""
    with gr.Row(elem_id="code-bar"):
        run = gr.Button("Run", scale=0, min_width=84, elem_id="code-run")
        stop = gr.Button("Stop", scale=0, min_width=84, elem_id="code-stop")
        told = _html("code-told", "tunesmith.code.told(element)")
        live.live("means", running.means_html, seconds=120)
    with gr.Accordion("Input and time of a run", open=False, elem_id="code-input"):
        field["stdin"] = gr.Textbox("", label="Standard input", lines=2, max_lines=8, elem_id="code-stdin")
        field["seconds"] = gr.Slider(1, 30, 10, step=1, label="Time limit in seconds", elem_id="code-seconds")
    return run, stop, told


FRAGMENTS: dict[str, live.Fragment] = {
    "served": opening.served_html,
    "head": shelf.head_html,
    "means": running.means_html,
    "side": several.side_html,
    "diff": shelf.diff_html,
    "versions": shelf.versions_html,
    "snippets": shelf.snippets_html,
}
