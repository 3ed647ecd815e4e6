"""The tab Mapping: what was detected and how sure that is, each part of a row with its column, and the rows it makes.

What is chosen stands in the address until it is applied, so that the rows beside it follow at once.
"""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from engine.data import datasets, importing, mappings
from engine.errors import ConflictError
from engine.process import work
from engine.rows.kinds import row_parts
from engine.rows.mapping.mapping import Mapping as By
from engine.rows.mapping.mapping import parse
from engine.rows.turns.role_names import OURS, ROLES, plain_name
from engine.rows.verdict import Kind
from pages.data import mapping_encoding, mapping_rows
from pages.data.dataset_view import address, words
from pages.parts import html
from storage.statuses import WORK_MOVING, DatasetStatus, WorkStatus
from storage.tables import Dataset

LABEL = "Mapping"
WAIT_SECONDS = 1.0  # for the first rows, which are read once; later answers come at once
NONE = "-"  # in the address: no column for this part, whatever was detected
KINDS = {
    "chat": "Chat: turns, or a question and its answer",
    "completion": "Completion: a prompt and what follows it",
    "text": "Text: learnt as it is",
    "preference": "Preference: a better and a worse answer",
    "unpaired": "Labelled: answers that are good or bad",
    "prompt": "Prompt: questions for reinforcement learning",
    "stepwise": "Steps: an answer in steps, each right or wrong",
}
LABELS = {"messages": "Chat", "completion": "Answer", "completions": "Steps"}
WITH_TURNS = ("chat", "preference", "unpaired", "prompt")


def html_of(dataset: Dataset, query: Mapping[str, str]) -> Markup:
    """The form and, beside it, the first rows as they would become."""
    encoding = mapping_encoding.chosen(dataset, query)
    try:
        job = work.wait(mappings.begin(dataset, encoding).id, WAIT_SECONDS)
    except ConflictError as error:
        return html.notice(error.message, error.hint, "calm")
    if job.status in WORK_MOVING:
        return _importing_card(
            Markup("<p>Reading the first rows</p>{}").format(html.progress(None, "Reading the first rows"))
        )
    if job.status != WorkStatus.SUCCEEDED:
        return html.notice(job.error or "The first rows could not be read.", job.hint or "")
    chosen = chosen_in(query, dataset, job.result)
    return Markup('{}<div class="dt-mapping">{}{}</div>').format(
        mapping_encoding.candidates_html(dataset, encoding),
        _form(dataset, job.result, chosen, encoding),
        mapping_rows.html_of(dataset.id, chosen, encoding),
    )


def _importing_card(content: Markup) -> Markup:
    return Markup('<div class="ts-card da-importing">{}</div>').format(content)


def chosen_in(query: Mapping[str, str], dataset: Dataset, detection: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping that the address asks for, as plain values: what it leaves open is as it is now, or as detected."""
    current = (
        dataset.mapping or detection["mapping"] or {"kind": "chat", "parts": {}, "roles": {}, "who": "", "what": ""}
    )
    kind: Kind = next((kind for kind in row_parts.PARTS if kind == query.get("kind")), current["kind"])
    initial = (
        current["parts"] if kind == current["kind"] else usual_columns(kind, current["parts"], detection["columns"])
    )
    names = {NONE, *(column["name"] for column in detection["columns"])}  # in another encoding they are others
    column_of = {part: query.get(f"part.{part}", "") for part in row_parts.PARTS[kind]}
    columns = {part: name if name in names else initial.get(part, NONE) for part, name in column_of.items()}
    roles = {name: query.get(f"role.{name}", current["roles"].get(name, "")) for name in detection["roles"]}
    return {
        "kind": kind,
        "parts": {part: column for part, column in columns.items() if column not in (NONE, "")},
        "roles": {name: role for name, role in roles.items() if role in OURS},
        "who": query.get("who", current["who"]),
        "what": query.get("what", current["what"]),
    }


def usual_columns(kind: Kind, current: Mapping[str, str], columns: list[dict[str, Any]]) -> dict[str, str]:
    """What can stay when another kind is chosen: parts of the same name, and columns that are called like a part."""
    kept = {part: column for part, column in current.items() if part in row_parts.PARTS[kind]}
    for column_facts in columns:
        name = plain_name(column_facts["name"])
        if name in row_parts.PARTS[kind] and name not in kept and column_facts["name"] not in kept.values():
            kept[name] = column_facts["name"]
    return kept


def _form(dataset: Dataset, detection: Mapping[str, Any], chosen: Mapping[str, Any], encoding: str) -> Markup:
    columns = {column["name"]: column for column in detection["columns"]}
    rows = html.join(
        _part(part, str(chosen["parts"].get(part, "")), columns) for part in row_parts.PARTS[chosen["kind"]]
    )
    return Markup(
        '<form class="ts-card dt-form" data-query="change" data-act="map" data-id="{}"><h3>{}</h3>'
        '<label class="dt-kind"><b>Kind</b>{}</label>{}<div class="dt-parts">{}</div>{}{}</form>'
    ).format(
        dataset.id,
        detected_words(detection),
        _select("kind", KINDS, str(chosen["kind"])),
        mapping_encoding.field_html(dataset, encoding),
        rows,
        _roles(detection["roles"], chosen) if chosen["kind"] in WITH_TURNS else "",
        _end(dataset, detection, chosen, encoding),
    )


def detected_words(detection: Mapping[str, Any]) -> str:
    """How sure detection is: "998 of the first 1,000 rows are alpaca." """
    count, total = detection["formats"].get(detection["format"], 0), detection["looked_at"]
    if detection["format"] is None:
        return "No known format. This is a guess: look at the rows beside it."
    rows = f"All of the first {total:,} rows are" if count == total else f"{count:,} of the first {total:,} rows are"
    return f"{rows if total > 1 else 'The only row is'} {words(detection['format'])}."


def _part(part: str, column: str, columns: Mapping[str, Mapping[str, Any]]) -> Markup:
    facts = columns.get(column)
    example = next(iter(facts["examples"]), "") if facts else ""
    choices = {NONE: "–", **{name: name for name in columns}} | ({column: column} if column else {})
    return Markup('<label title="{}"><b>{}</b>{}<code class="dt-example">{}</code></label>').format(
        row_parts.ABOUT[part], part_label(part), _select(f"part.{part}", choices, column or NONE), example
    )


def part_label(part: str) -> str:
    return LABELS.get(part, part.capitalize())


def _roles(counts: Mapping[str, int], chosen: Mapping[str, Any]) -> Markup:
    """What the names of roles mean, and where a turn says who and what."""
    roles = html.join(_role(name, count, chosen["roles"].get(name, "")) for name, count in counts.items())
    keys = html.join(
        Markup(
            '<label><b>{}</b><input name="{}" value="{}" placeholder="{}" maxlength="80" autocomplete="off"></label>'
        ).format(label, name, chosen[name], usual)
        for name, label, usual in (("who", "Who speaks", "role, from"), ("what", "What is said", "content, value"))
    )
    opened = Markup(" open") if chosen["who"] or chosen["what"] else ""
    table = Markup('<h4>Roles</h4><div class="dt-parts dt-roles">{}</div>').format(roles) if roles else Markup()
    return Markup(
        '{}<details class="da-fold"{}><summary>Keys of a turn</summary><div class="dt-parts">{}</div></details>'
    ).format(table, opened, keys)


def _role(name: str, count: int, chosen: str) -> Markup:
    usual = ROLES.get(plain_name(name))
    usual_choice = {"": usual if usual else "not known"}
    choices = usual_choice | {role: role if role != "call" else "call of a tool" for role in OURS if role != usual}
    return Markup("<label><b>{}<small>{}</small></b>{}</label>").format(
        name, f"{count:,} turns", _select(f"role.{name}", choices, chosen if chosen != usual else "")
    )


def _select(name: str, choices: Mapping[str, str], chosen: str) -> Markup:
    options = html.join(
        Markup('<option value="{}"{}>{}</option>').format(value, Markup(" selected") if value == chosen else "", label)
        for value, label in choices.items()
    )
    return Markup('<select name="{}">{}</select>').format(name, options)


def _end(dataset: Dataset, detection: Mapping[str, Any], chosen: Mapping[str, Any], encoding: str) -> Markup:
    """Apply, and the way back to what was detected."""
    ready = dataset.status == DatasetStatus.READY
    current = dataset.mapping or (detection["mapping"] if ready else None)
    if current is not None and _same(current, chosen) and not mapping_encoding.changes(dataset, encoding):
        text = "Rows were read by this mapping." if dataset.mapping else "Rows were read as detected."
        return Markup("<footer><p>{}</p>{}</footer>").format(text, _as_detected(dataset))
    label = "Read again as a new version" if ready else "Import with this mapping"
    start_over = Markup('<a class="ts-button" data-soft href="{}">Start over</a>').format(
        address(dataset.id, "mapping")
    )
    return Markup(
        '<footer><button class="ts-button" data-tone="primary">{}</button>{}{}</footer>'
        '<p class="dt-hint">The next file with the same columns in this project is read this way too.</p>'
    ).format(label, start_over, _as_detected(dataset))


def _same(current: Mapping[str, Any], chosen: Mapping[str, Any]) -> bool:
    return all(current[name] == chosen[name] for name in ("kind", "parts", "roles", "who", "what"))


def _as_detected(dataset: Dataset) -> Markup:
    by_hand = dataset.mapping or dataset.origin.get(importing.ENCODING)
    return html.button("Read as detected", "map_as_detected", dataset.id) if by_hand else Markup()


def _apply(dataset_id: str, values: Mapping[str, str], _project: str) -> str:
    """Imports by the fields of the form; they hold every select, so that nothing is left to what was detected."""
    roles = {name.removeprefix("role."): value for name, value in values.items() if name.startswith("role.") and value}
    columns = {
        name.removeprefix("part."): value
        for name, value in values.items()
        if name.startswith("part.") and value not in (NONE, "")
    }
    keys = {name: values.get(name, "").strip() for name in ("who", "what")}
    mapping = parse({"kind": values["kind"], "parts": columns, "roles": roles, **keys})
    encoding = values.get("encoding")
    by_hand = None if encoding is not None and _as_found(dataset_id, mapping, encoding) else mapping
    return address(mappings.apply(dataset_id, by_hand, encoding).id)


def _as_found(dataset_id: str, mapping: By, encoding: str) -> bool:
    """Whether only the encoding is new: then what is detected in it stays what it is, and is no mapping by hand.

    A guess is not detected: who takes it has said which column is which.
    """
    if datasets.look_up(dataset_id).mapping is not None:
        return False
    detection = mappings.look(dataset_id, encoding)
    detected = None if detection["guessed"] else detection["mapping"]
    return detected is not None and _same(detected, mapping.model_dump())


def _apply_detected(dataset_id: str, _values: Mapping[str, str], _project: str) -> str:
    return address(mappings.apply(dataset_id, None, "").id)


ACTS = {"map": _apply, "map_as_detected": _apply_detected}
