"""The README of a dataset that is pushed to the hub: what is in it for programs (YAML), and where it came from."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import yaml

TAG = "tunesmith"  # by it a later push knows that a repository is one of the studio's
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_TASKS = {"preference": ["dpo", "preference"], "unpaired": ["kto"], "prompt": ["rl"], "stepwise": ["prm"]}


def readme(facts: Mapping[str, Any], schema: pa.Schema, splits: Mapping[str, int]) -> str:
    """The whole file. `facts` is what `engine.data.hub.facts` says of a dataset; `splits` has the rows of each."""
    head = yaml.safe_dump(_head(facts, schema, splits), sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{head}---\n\n# {_line(facts['name'])}\n\n{_body(facts, splits)}"


def _head(facts: Mapping[str, Any], schema: pa.Schema, splits: Mapping[str, int]) -> dict[str, Any]:
    total = sum(splits.values())
    return {
        "pretty_name": _line(facts["name"]),
        "size_categories": [next((category for most, category in SIZES if total < most), "n>1M")],
        "task_categories": ["text-generation"],
        "tags": [TAG, str(facts["kind"]), *_TASKS.get(str(facts["kind"]), [])],
        "configs": [
            {"config_name": "default", "data_files": [{"split": split, "path": f"data/{split}-*"} for split in splits]}
        ],
        "dataset_info": {
            "features": [_feature(field) for field in schema],
            "splits": [{"name": name, "num_examples": rows} for name, rows in splits.items()],
        },
    }


def _feature(field: pa.Field) -> dict[str, Any]:
    """A column as `datasets` writes it in YAML."""
    return {"name": field.name, **_type(field.type)}


def _type(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        inner = _type(kind.value_type)
        return {"list": inner.get("struct", inner.get("dtype"))}
    if pa.types.is_struct(kind):
        return {"struct": [_feature(field) for field in kind]}
    return {"dtype": "float64" if pa.types.is_float64(kind) else str(kind)}


def _body(facts: Mapping[str, Any], splits: Mapping[str, int]) -> str:
    kept = int(facts["accepted"]) + int(facts["repaired"])
    lines = [
        f"Rows of the kind **{facts['kind']}**, made with Tunesmith.",
        "",
        *_table(("Split", "Rows"), [(name, f"{rows:,}") for name, rows in splits.items()]),
        "",
        "## Where it comes from",
        "",
        *(f"- {_line(line)}" for line in facts["lineage"]),
        f"- Of {facts['rows']:,} rows {kept:,} were kept ({facts['repaired']:,} after a repair), "
        f"{facts['rejected']:,} were rejected.",
        "",
        "## How to use it",
        "",
        "```python",
        "from datasets import load_dataset",
        "",
        f'rows = load_dataset("{facts["repo"]}")',
        "```",
        "",
    ]
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_cells(head), _cells(["---"] * len(head)), *map(_cells, rows)]


def _cells(values: Sequence[str]) -> str:
    return "| " + " | ".join(values) + " |"


def _line(text: Any) -> str:
    """User text on one line that Markdown leaves alone."""
    plain = "".join(character if character.isprintable() else " " for character in str(text))
    for mark in "\\`*_[]<>|#":
        plain = plain.replace(mark, "\\" + mark)
    return plain[:500]
