"""The tab Shape: a card for each thing that can be done with a dataset, with its few fields and what comes out."""

import json
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from engine.data import datasets, shape
from engine.errors import RefusedError
from engine.rows.shape.split import MOST_SIDES
from pages.data.dataset_view import address
from pages.data.shape_filter import conditions_html, conditions_of
from pages.parts import fields, html, toasts
from storage import datasets as stored_datasets
from storage.db import reading
from storage.statuses import DatasetStatus
from storage.tables import Dataset

LABEL = "Shape"
MOST_OFFERED = 100
LONGEST_EXAMPLE = 400
_JOINS = {"chat": ("chat", "completion"), "completion": ("completion", "chat")}


def html_of(dataset: Dataset, _query: Mapping[str, str]) -> Markup:
    """All of the tab."""
    lead = (
        "A dataset never changes. What changes its rows makes its next version and keeps the name; "
        "splits, samples and merges become datasets of their own."
    )
    operations = (_split, _sample, _filter, _clean, _shuffle, _together, _add)
    cards = html.join(operation(dataset) for operation in operations)
    return Markup('<div class="dt-shape"><p class="dt-lead">{}</p>{}</div>').format(lead, cards)


def _split(dataset: Dataset) -> Markup:
    by_chance = fields.form(
        "shape-split",
        dataset.id,
        "Split",
        fields.number("share", "For the test, in percent", 10, least=1, most=50),
        fields.number("seed", "Seed", 42),
    )
    description = (
        f"Two new datasets, “{dataset.name} train” and “{dataset.name} test”. The same row always goes to the same "
        "side, also when rows are added later, so the share is approximate."
    )
    columns = [name for name, values in shape.columns(dataset).items() if 1 < len(values) <= MOST_SIDES]
    by_column: Markup | str = ""
    if columns:
        choice = fields.select("column", "Or by a column", [(name, name) for name in columns])
        by_column = fields.form("shape-split-by", dataset.id, "Split by it", choice)
    return _card("Split", description, by_chance, by_column)


def _sample(dataset: Dataset) -> Markup:
    rows = dataset.train_rows
    suggested = min(1000, max(1, rows // 10))
    description = (
        f"A new dataset, “{dataset.name} sample”, with this many of the {html.count(rows)} rows, chosen at random."
    )
    rows_field = fields.number("rows", "Rows", suggested, least=1, most=rows)
    return _card(
        "Sample",
        description,
        fields.form("shape-sample", dataset.id, "Sample", rows_field, fields.number("seed", "Seed", 42)),
    )


def _filter(dataset: Dataset) -> Markup:
    description = (
        "The next version, with or without the rows that meet the conditions. Conditions without a value do not count."
    )
    then_field = fields.select("then", "Rows that do", [("drop", "drop them"), ("keep", "keep only them")])
    meet_field = fields.select("meet", "A row must meet", [("all", "all conditions"), ("any", "any of them")])
    form = fields.form("shape-filter", dataset.id, "Filter", conditions_html(dataset), then_field, meet_field)
    return _card("Filter", description, form, wide=True)


def _clean(dataset: Dataset) -> Markup:
    description = (
        "The next version: without rows that came before, with placeholders such as [MAIL] for personal data and keys, "
        "or without signs such as <|im_end|> that chat templates write between turns. Health says how many there are."
    )
    buttons = Markup('<div class="ts-actions">{}</div>').format(
        html.join(
            html.button(label, f"shape-{op}", dataset.id)
            for op, label in (
                ("deduplicate", "Leave out duplicates"),
                ("mask", "Mask personal data"),
                ("strip", "Strip special tokens"),
            )
        )
    )
    return _card("Clean", description, buttons)


def _together(dataset: Dataset) -> Markup:
    others = _others(dataset)
    if not others:
        return _card("Merge and mix", "Put this dataset together with another one of its kind, when there is one.")
    mixing = (
        fields.number("weight", "Weight of this one", 1, least=0.001, step="any"),
        fields.number("other_weight", "Weight of the other", 1, least=0.001, step="any"),
        fields.select(
            "stop", "A mix ends", [("first", "when one is used up"), ("all", "when both are, repeating one")]
        ),
    )
    form = fields.form(
        "shape-together",
        dataset.id,
        "Put together",
        fields.select("other", "With", [(other.id, _other_label(other)) for other in others]),
        fields.select("how", "How", [("merge", "one after the other"), ("mix", "mixed, by these weights")]),
        Markup('<div class="dt-mix">{}</div>').format(html.join(mixing)),
        fields.text("name", "Name", "optional"),
    )
    description = "A new dataset with the rows of both. Each row remembers which one it came from, as from_dataset."
    return _card("Merge and mix", description, form, wide=True)


def _others(dataset: Dataset) -> list[Dataset]:
    kinds = _JOINS.get(dataset.kind or "", (dataset.kind,))
    with reading() as session:
        datasets = stored_datasets.newest(session, dataset.project_id)
    mergeable = [
        other
        for other in datasets
        if other.status == DatasetStatus.READY and other.kind in kinds and other.id != dataset.id
    ]
    return mergeable[:MOST_OFFERED]


def _other_label(dataset: Dataset) -> str:
    return f"{dataset.name} ({html.count(dataset.train_rows)} rows)"


def _shuffle(dataset: Dataset) -> Markup:
    description = (
        "The next version, with its rows in a random order. Training shuffles by itself; this is for other programs."
    )
    return _card(
        "Shuffle", description, fields.form("shape-shuffle", dataset.id, "Shuffle", fields.number("seed", "Seed", 42))
    )


def _add(dataset: Dataset) -> Markup:
    description = (
        "The next version, with these rows at its end: JSON, one object a line or a list, in any format of this kind."
    )
    example = datasets.rows(dataset.id, 0, 1)
    row = {name: value for name, value in example[0].items() if name not in ("row", "extra")} if example else {}
    field = Markup(
        '<label class="dt-json"><b>Rows</b><textarea name="rows" rows="4" spellcheck="false" placeholder="{}" required>'
        "</textarea></label>"
    ).format(json.dumps(row, ensure_ascii=False)[:LONGEST_EXAMPLE])
    return _card("Add rows", description, fields.form("shape-add", dataset.id, "Add", field), wide=True)


def rows_of(text: str) -> list[dict[str, Any]]:
    """Rows as a person pastes them. Raises RefusedError for what is no JSON."""
    try:
        is_list = text.lstrip().startswith("[")
        rows = json.loads(text) if is_list else [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"This is not valid JSON: {str(error)[:200]}.", "Write one object a line.") from error
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise RefusedError("There is no row in it.", "Write each row as a JSON object, in braces.")
    return list(rows)


def _card(title: str, description: str, *content: object, wide: bool = False) -> Markup:
    return Markup('<section class="ts-card dt-op"{}><h2>{}</h2><p>{}</p>{}</section>').format(
        Markup(" data-wide") if wide else "", title, description, html.join(content)
    )


def _address_of_new(datasets: list[Dataset]) -> str:
    """Where to go when datasets are being made: to the one, or to the list of all."""
    if len(datasets) == 1:
        return address(datasets[0].id)
    toasts.done("Being made: " + ", ".join(dataset.name for dataset in datasets))
    return "/data"


def _act_split(id: str, values: Mapping[str, str], _project: str) -> str:
    share = round(fields.whole(values, "share", "the share") / 100, 4)
    sides = [{"name": "train", "share": 1 - share}, {"name": "test", "share": share}]
    return _address_of_new(
        shape.change(id, {"op": "split", "sides": sides, "seed": fields.whole(values, "seed", "the seed")})
    )


def _act_split_by(id: str, values: Mapping[str, str], _project: str) -> str:
    return _address_of_new(shape.split_by_column(id, values.get("column", "")))


def _act_sample(id: str, values: Mapping[str, str], _project: str) -> str:
    rows, seed = fields.whole(values, "rows", "the number of rows"), fields.whole(values, "seed", "the seed")
    return _address_of_new(shape.change(id, {"op": "sample", "rows": rows, "seed": seed}))


def _act_filter(id: str, values: Mapping[str, str], _project: str) -> str:
    conditions = conditions_of(values)
    if not conditions:
        raise RefusedError("No condition has a value.", "Write what to look for.")
    options = {"meet": values.get("meet", "all"), "then": values.get("then", "drop")}
    return _address_of_new(shape.change(id, {"op": "filter", "conditions": conditions, **options}))


def _act_together(id: str, values: Mapping[str, str], _project: str) -> str:
    pair, name = [id, values.get("other", "")], values.get("name", "").strip()
    if values.get("how") != "mix":
        return _address_of_new([shape.merge(pair, name)])
    weights = [fields.real(values, "weight", "the weight"), fields.real(values, "other_weight", "the weight")]
    return _address_of_new([shape.mix(pair, weights, name, stop=values.get("stop", "first"))])


def _act_shuffle(id: str, values: Mapping[str, str], _project: str) -> str:
    return _address_of_new(shape.change(id, {"op": "shuffle", "seed": fields.whole(values, "seed", "the seed")}))


def _act_add(id: str, values: Mapping[str, str], _project: str) -> str:
    return _address_of_new([shape.add_rows(id, rows_of(values.get("rows", "")))])


def _act_plain(op: str) -> Any:
    return lambda id, _values, _project: _address_of_new(shape.change(id, {"op": op}))


ACTS = {
    "shape-split": _act_split,
    "shape-split-by": _act_split_by,
    "shape-sample": _act_sample,
    "shape-filter": _act_filter,
    "shape-together": _act_together,
    "shape-shuffle": _act_shuffle,
    "shape-add": _act_add,
    **{f"shape-{op}": _act_plain(op) for op in ("deduplicate", "mask", "strip")},
}
