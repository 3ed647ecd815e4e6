"""Get the model: what a run has trained as a download, merged, as GGUF, on the hub, and how to load it."""

import contextlib
from collections.abc import Mapping
from typing import Any, get_args

from markupsafe import Markup

from engine.errors import TunesmithError
from engine.exports import exports, facts, gguf, hub, parity
from engine.exports.card import using
from engine.exports.exports import Dtype
from engine.subjects import subject as subjects
from engine.subjects.subject import Subject
from pages.parts import fields, html, live, stopping, toasts
from pages.parts.log_link import log_link
from storage.statuses import WORK_MOVING, RunStatus, WorkStatus
from storage.tables import Run

DTYPES = {"base": "as the base", "float32": "float32, exact", "bfloat16": "bfloat16", "float16": "float16"}
FIRST_TYPE = "q8_0"  # of GGUF: what the form begins with


def can_be(run: Run) -> bool:
    """Whether the run has left something to take."""
    return run.status == RunStatus.SUCCEEDED and bool(run.artifact)


def card_of(run: Run) -> Markup:
    """The card of a run that has left something; nothing for any other. What is in it fetches itself."""
    return html.card("Get the model", live.element("runs", "take", 3)) if can_be(run) else Markup()


def take_html(query: Mapping[str, str]) -> str:
    """Every way to take away what the run in the query has left."""
    try:
        subject = subjects.look_up(f"run:{query.get('run', '')}")
    except TunesmithError as error:
        return str(html.notice(error.message, error.hint, "warn"))
    folder = _copyable("Its folder on the studio's machine", f"take-folder-{subject.run.id}", str(subject.folder))
    parts = (_download(subject), folder, _loading(subject)), (_merge_form(subject), _gguf_form(subject))
    halves = html.join(Markup("<div>{}</div>").format(html.join(half)) for half in parts)
    return str(Markup('<div class="rn-take">{}</div>{}').format(halves, _made(subject.run.id)))


def _download(subject: Subject) -> Markup:
    label = "Download adapter" if subject.weights == "adapter" else "Download model"
    size = html.size(exports.size_of(subject))
    return Markup(
        '<div class="ts-inline"><a class="ts-button" data-tone="primary" href="/api/runs/{}/download" download>{}</a>'
        '<span class="ts-note">{} as one .tar file, with tokenizer and model card</span></div>'
    ).format(subject.run.id, label, size)


def _copyable(title: str, id: str, text: str) -> Markup:
    copy = Markup('<button type="button" class="ts-button" data-copy="{}">Copy</button>').format(id)
    block = Markup('<pre class="ts-code" id="{}" tabindex="0">{}</pre>').format(id, text)
    heading = Markup("<h3>{}</h3>").format(title) if title else ""
    return Markup('<div>{}<div class="ts-copyable">{}{}</div></div>').format(heading, block, copy)


def _merge_form(subject: Subject) -> Markup:
    try:
        exports.refuse(subject, "merged")
    except TunesmithError as error:
        return Markup('<p class="ts-note">{}</p>').format(error)
    is_adapter = subject.weights == "adapter"
    title = "One model of base and adapter" if is_adapter else "The same in another precision"
    form = fields.form(
        "merge",
        subject.run.id,
        "Merge" if is_adapter else "Convert",
        fields.select("dtype", "Precision", [(name, DTYPES[name]) for name in get_args(Dtype)]),
    )
    return Markup("<div><h3>{}</h3>{}</div>").format(title, form)


def _gguf_form(subject: Subject) -> Markup:
    """Each type with how large it becomes; the adapter alone where it has a form in GGUF."""
    try:
        exports.refuse(subject, "gguf")
    except TunesmithError as error:
        return Markup('<p class="ts-note">{}</p>').format(error)
    sizes = gguf.sizes(subject)
    types = [(kind, f"{kind} · {html.size(sizes[kind])} · {gguf.WORDS[kind]}") for kind in gguf.TYPES]
    whats = [("model", "the whole model")]
    with contextlib.suppress(TunesmithError):
        gguf.refuse(subject, gguf.GgufOptions(of="adapter"))
        whats.append(("adapter", "the adapter alone (f32, f16, bf16, q8_0)"))
    form = fields.form(
        "gguf",
        subject.run.id,
        "Make GGUF",
        fields.select("type", "Type", types, FIRST_TYPE),
        fields.select("of", "Of", whats),
    )
    note = Markup('<p class="ts-note">{}</p>').format(_takes(subject))
    return Markup("<div><h3>GGUF, for llama.cpp, Ollama and LM Studio</h3>{}{}</div>").format(form, note)


def _takes(subject: Subject) -> str:
    """What it takes, said before: time, disk, what is fetched. For the type chosen at first, and for a smaller one."""
    sentences: list[str] = []
    try:
        for kind in (FIRST_TYPE, "Q4_K_M"):
            expected = exports.estimate(subject.name, "gguf", {"type": kind})
            time, disk = html.duration(expected.seconds), html.size(expected.disk_bytes)
            sentences += (f"{kind} takes about {time} and at most {disk} of disk.", *expected.notes)
    except TunesmithError as error:
        return str(error)
    return " ".join(dict.fromkeys(sentences))


def made_of_checkpoints(run: Run) -> Markup:
    """What was made of the checkpoints of a run that has left nothing else; where it has, the card lists all."""
    return Markup() if can_be(run) else _made(run.id)


def _made(run_id: str) -> Markup:
    """The models and files made of a run, or under way, the newest first. Its own adapter needs no making."""
    made = [row for row in exports.of_run(run_id) if row[0].kind != "adapter" or "@" in row[0].subject]
    if not made:
        return Markup()
    items = html.join(_item(exports.describe(*row), has_log=row[1] is not None) for row in made)
    return Markup('<div class="rn-take rn-made"><ol class="dt-exports">{}</ol></div>').format(items)


def _name(row: Mapping[str, Any]) -> str:
    options = row["options"]
    if row["kind"] == "gguf":
        name = f"GGUF, {options['type']}" + (", adapter" if options["of"] == "adapter" else "")
    else:
        name = "Adapter" if row["kind"] == "adapter" else f"Merged, {DTYPES[options['dtype']]}"
    _, at, step = row["subject"].rpartition("@")
    return f"{name}, step {int(step):,}" if at and step.isdecimal() else name


def _item(row: Mapping[str, Any], has_log: bool) -> Markup:
    name = _name(row)
    log = log_link(row["id"], name) if has_log else ""
    question = f"Delete the export “{name}” with its files?"
    more: object = ""
    if row["status"] in WORK_MOVING:
        state = html.progress(row["progress"], f"{name}: {row['stage'] or row['status'].value}")
        remove = stopping.stop("export", row["id"], name, "delete-export", "Cancel")
    elif row["status"] == WorkStatus.SUCCEEDED:
        href = f"/api/exports/{row['id']}/download"
        state = Markup('<a class="ts-button" href="{}" download>Download</a>').format(href)
        remove = html.button("Delete", "delete-export", row["id"], question, "danger")
        more = html.join((_copyable("", f"take-{row['id']}", row["folder"]) if row["folder"] else "", _push(row["id"])))
    else:
        state = html.badge(row["status"], row["error"] or "")
        remove = html.button("Delete", "delete-export", row["id"], "", "danger")
    below = Markup("<div>{}</div>").format(more) if more else ""
    return Markup('<li><div><b>{}</b>{}<small>{}</small></div><div class="ts-actions">{}{}{}</div>{}</li>').format(
        name, _badge(row), _facts(row), log, state, remove, below
    )


def _badge(row: Mapping[str, Any]) -> Markup:
    """Whether it answers as what was trained, in a word; its numbers follow in the facts."""
    parity = row["parity"]
    if row["status"] != WorkStatus.SUCCEEDED or not parity:
        return Markup()
    if parity.get("good") is None:
        return Markup(' <span class="ts-badge" data-tone="warn"><i></i>not checked by answers</span>')
    word, tone = ("same answers", "good") if parity.get("identical") else ("within its limit", "good")
    word, tone = (word, tone) if parity["good"] else ("answers otherwise", "bad")
    return Markup(' <span class="ts-badge" data-tone="{}" title="{}"><i></i>{}</span>').format(
        tone, parity.get("limit", ""), word
    )


def _facts(row: Mapping[str, Any]) -> str:
    if row["status"] in WORK_MOVING:
        said = row["estimate"]
        about = f" · about {html.size(said['size_bytes'])}, {html.duration(said['seconds'])}" if said else ""
        return f"{row['stage'] or 'waits for its turn'}{about}"
    if row["status"] != WorkStatus.SUCCEEDED:
        return " ".join(filter(None, (row["error"], row["hint"])))
    facts = row["parity"]
    exact = [parity.badge(facts), facts.get("cause")] if facts else []
    return " · ".join(filter(None, [html.size(row["size_bytes"]), *exact, *row["notes"]]))


def _push(export_id: str) -> Markup:
    """The way to the hub, behind a fold; and how the last one went."""
    last = hub.latest(export_id)
    said: object = ""
    if last is not None and last.status in WORK_MOVING:
        said = html.progress(last.progress, f"Hub: {last.stage or last.status.value}")
    elif last is not None and last.status == WorkStatus.SUCCEEDED:
        said = html.link("On the hub", str(last.result["url"]))
    elif last is not None:
        said = Markup("<small>{} {} {}</small>").format(
            last.error or "", last.hint or "", log_link(last.id, "upload to the hub")
        )
    form = fields.form(
        "push-export",
        export_id,
        "Push",
        fields.text("repo", "Repository", "owner/name"),
        fields.select("private", "Who sees it", [("yes", "only you"), ("no", "everybody")]),
    )
    return Markup("<details><summary>Push to the hub</summary>{}</details>{}").format(form, said)


def _loading(subject: Subject) -> Markup:
    export_facts = facts.of(subject, "adapter" if subject.weights == "adapter" else "merged", measured=False)
    return _copyable("Load it in Python", f"take-code-{subject.run.id}", using.loading(export_facts))


def merge(run_id: str, values: Mapping[str, str]) -> None:
    """Begins a merge of what a run has left."""
    exports.create(f"run:{run_id}", "merged", {"dtype": values.get("dtype", "base")})
    toasts.done("The model is being made. Its download appears here.")


def make_gguf(run_id: str, values: Mapping[str, str]) -> None:
    """Begins a GGUF of what a run has left."""
    exports.create(f"run:{run_id}", "gguf", {name: values[name] for name in ("type", "of") if values.get(name)})
    toasts.done("The GGUF is being made. Its download appears here.")


def push(export_id: str, values: Mapping[str, str]) -> None:
    """Begins an upload to the hub, with the token in the studio's environment."""
    hub.push(export_id, values.get("repo", ""), private=values.get("private") != "no")
    toasts.done("The upload has begun.")


def delete(export_id: str, _values: Mapping[str, str]) -> None:
    """Removes an export, or cancels it."""
    exports.delete(export_id)
