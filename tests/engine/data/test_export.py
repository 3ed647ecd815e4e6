"""Exports: importing one again gives the same rows, whatever the kind and the form; what does not fit is counted."""

import gzip
import itertools
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some

from engine.data import export
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.process import work
from engine.rows.export import file as export_file
from engine.rows.export import forms
from engine.rows.export import turns as export_turns
from engine.rows.store import columnar
from engine.rows.verdict import Kind
from engine.workers.contract import WorkFailedError
from engine.workers.data import export as export_data
from engine.workers.data import import_files
from tests.engine.data.test_shape import kept
from tests.engine.rows.shapes import EXAMPLES, TOOLS, asked, turn, write

_folders = itertools.count()

# Each example goes through the real import; a smaller example of a failure would take minutes to find.
quickly = settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)

# Text that says something, and does not look like turns written as JSON or as a transcript.
TEXT = some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30).map("a{}".format)
PLAIN = (
    some.none()
    | some.booleans()
    | some.integers(-(2**53), 2**53)
    | some.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
CALLS = some.lists(
    some.builds(
        lambda name, arguments: {"type": "function", "function": {"name": name, "arguments": arguments}},
        TEXT,
        some.dictionaries(TEXT, PLAIN, max_size=3),
    ),
    min_size=1,
    max_size=2,
)


@some.composite
def chats(draw: some.DrawFn, tools: bool = True) -> list[dict[str, Any]]:
    """A chat in an order that can be learnt."""
    messages = [turn("system", draw(TEXT))] if draw(some.booleans()) else []
    for _ in range(draw(some.integers(1, 3))):
        messages.append(turn("user", draw(TEXT)))
        if tools and draw(some.booleans()):
            messages.append(turn("assistant", draw(some.just("") | TEXT), tool_calls=draw(CALLS)))
            messages += [turn("tool", result) for result in draw(some.lists(TEXT, max_size=2))]
            if messages[-1]["role"] == "assistant":
                continue
        messages.append(turn("assistant", draw(TEXT)))
    for place in range(len(messages) - 1):
        if messages[place]["role"] == "assistant" and draw(some.booleans()):
            messages[place]["train"] = False
    return messages


YES_NO = some.booleans()
QUESTION = some.builds(asked, TEXT)
ANSWERS = some.lists(TEXT, min_size=2, max_size=2, unique=True).map(
    lambda texts: [[turn("assistant", text)] for text in texts]
)
VALUES: dict[Kind, some.SearchStrategy[dict[str, Any]]] = {
    "chat": some.builds(lambda messages: {"messages": messages, "tools": TOOLS}, chats()),
    "completion": some.builds(lambda a, b: {"prompt": a, "completion": b}, TEXT, TEXT),
    "text": some.builds(lambda a: {"text": a}, TEXT),
    "preference": some.builds(lambda q, a: {"prompt": q, "chosen": a[0], "rejected": a[1]}, QUESTION, ANSWERS),
    "unpaired": some.builds(lambda q, a, y: {"prompt": q, "completion": a[0], "label": y}, QUESTION, ANSWERS, YES_NO),
    "prompt": some.builds(lambda q: {"prompt": q}, QUESTION),
    "stepwise": some.builds(
        lambda q, steps: {"prompt": q, "completions": [s for s, _ in steps], "labels": [good for _, good in steps]},
        TEXT,
        some.lists(some.tuples(TEXT, some.booleans()), min_size=1, max_size=3),
    ),
}  # fmt: skip
EXTRA = some.dictionaries(
    some.sampled_from(["id", "grade", "meta info", "ü"]), TEXT | some.integers(1, 9) | some.booleans()
)


def exported(folder: Path, kind: Kind, rows: list[dict[str, Any]], form: str, file: str, packed: str = "") -> Path:
    """The file that the worker leaves."""
    path = write(folder / "rows.parquet", kind, rows)
    spec = {"path": str(path), "kind": kind, "name": "n", "train_rows": len(rows)}
    result = export_data.work({**spec, "form": form, "file": file, "packed": packed}, folder)
    assert result["rows"] + result["left_out"] == len(rows)
    return folder / str(result["file"])


def read_again(path: Path, name: str = "") -> tuple[str, list[dict[str, Any]]]:
    """The kind and the rows of a file, through the real import, without the numbers of rows."""
    out = path.parent / "again"
    out.mkdir(exist_ok=True)
    result = import_files.work({"sources": [{"path": str(path), "name": name or path.name}], "mapping": None}, out)
    rows = columnar.page(out / "rows.parquet", 0, result["rows"])
    return result["kind"], [{name: value for name, value in row.items() if name != "row"} for row in rows]


LOSSLESS = [(kind, form.name) for kind in VALUES for form in forms.for_kind(kind) if kind not in form.loses]


@pytest.mark.parametrize("file", ["jsonl", "parquet"])
@pytest.mark.parametrize(("kind", "form"), LOSSLESS)
@quickly
@given(data=some.data())
def test_importing_an_export_gives_the_same_rows(tmp_path: Path, kind: Kind, form: str, file: str, data: Any) -> None:
    folder = tmp_path / str(next(_folders))
    folder.mkdir()
    rows = data.draw(some.lists(VALUES[kind], min_size=1, max_size=6))
    beside = data.draw(some.lists(EXTRA, min_size=len(rows), max_size=len(rows)))
    if file == "parquet":  # a column of a Parquet file has one type
        beside = [{name: str(value) for name, value in extra.items()} for extra in beside]
    expected = [{**row, "extra": extra} if extra else row for row, extra in zip(rows, beside, strict=True)]
    assert read_again(exported(folder, kind, expected, form, file)) == (kind, expected)


def test_every_kind_has_a_form_that_loses_nothing() -> None:
    assert {kind for kind, form in LOSSLESS if form == "trl"} == set(VALUES)
    assert ("chat", "openai") in LOSSLESS
    assert all(loss.endswith(".") for form in forms.FORMS.values() for loss in form.loses.values())


@quickly
@given(said=some.lists(chats(tools=False), min_size=1, max_size=3))
@pytest.mark.parametrize("form", ["sharegpt", "alpaca"])
def test_plain_chats_come_back_from_the_forms_that_lose_tools(tmp_path: Path, form: str, said: Any) -> None:
    folder = tmp_path / str(next(_folders))
    folder.mkdir()
    rows = [{"messages": chat} for chat in said]
    fitting = [row for row in rows if form == "sharegpt" or not any("train" in turn for turn in row["messages"])]
    if fitting:
        assert read_again(exported(folder, "chat", fitting, form, "jsonl")) == ("chat", fitting)


def test_the_forms_are_written_as_others_read_them(tmp_path: Path) -> None:
    chat = {**EXAMPLES["chat"], "extra": {"id": 7, "messages": "a column of the same name"}}
    chat["messages"][2] = turn("assistant", "Let me see.", tool_calls=chat["messages"][2]["tool_calls"], train=False)

    def line(form: str) -> dict[str, Any]:
        content: dict[str, Any] = orjson.loads(exported(tmp_path, "chat", [chat], form, "jsonl").read_bytes())
        return content

    openai = line("openai")
    assert openai["messages"][2]["tool_calls"][0]["function"]["arguments"] == '{"a":1}'
    assert openai["messages"][2]["weight"] == 0
    assert (openai["id"], openai["messages_"]) == (7, "a column of the same name")
    sharegpt = line("sharegpt")
    assert [message["from"] for message in sharegpt["conversations"]] == [
        "system", "human", "gpt", "function_call", "observation", "gpt",
    ]  # fmt: skip
    assert orjson.loads(sharegpt["conversations"][3]["value"]) == {"name": "add", "arguments": {"a": 1}}
    assert line("trl")["messages"][2]["train"] is False
    plain = [turn("system", "s"), turn("user", "a"), turn("assistant", "b"), turn("user", "c"), turn("assistant", "d")]
    assert export_turns.alpaca(plain) == {
        "instruction": "c", "input": "", "output": "d", "system": "s", "history": [["a", "b"]],
    }  # fmt: skip
    pair = exported(tmp_path, "completion", [EXAMPLES["completion"]], "alpaca", "jsonl")
    assert orjson.loads(pair.read_bytes()) == {"instruction": "2 + 2 =", "input": "", "output": " 4"}


def test_rows_that_do_not_fit_are_counted_and_none_at_all_is_said(tmp_path: Path) -> None:
    fitting_chat = {"messages": [*asked(), turn("assistant", "A cat.")]}
    assert read_again(exported(tmp_path, "chat", [fitting_chat, EXAMPLES["chat"]], "alpaca", "jsonl"))[1] == [
        fitting_chat
    ]
    with pytest.raises(WorkFailedError, match="No row fits"):
        exported(tmp_path, "chat", [EXAMPLES["chat"]], "alpaca", "jsonl")
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("packed", ["gz", "zst"])
def test_a_packed_export_is_read_again(tmp_path: Path, packed: str) -> None:
    rows = [{"text": f"text {number}"} for number in range(2500)]
    path = exported(tmp_path, "text", rows, "trl", "jsonl", packed)
    assert path.name == f"export.jsonl.{packed}"
    assert read_again(path) == ("text", rows)


def test_columns_of_several_types_are_text_in_parquet_and_numbers_stay_numbers(tmp_path: Path) -> None:
    beside: list[dict[str, Any]] = [
        {"n": 1, "x": 1, "any": 1, "tags": ["a"], "deep": {"a": [1]}, "said": [{"role": "user", "n": 1}]},
        {"n": 2, "x": 0.5, "any": "b", "tags": ["b", "c"], "flag": True, "mixed": [1, "a"]},
    ]
    path = exported(tmp_path, "text", [{"text": "a", "extra": extra} for extra in beside], "trl", "parquet")
    first, second = pq.read_table(path).to_pylist()
    assert (first["n"], first["x"], first["any"], first["tags"], first["deep"]) == (1, 1.0, "1", ["a"], '{"a":[1]}')
    assert (second["x"], second["flag"], second["mixed"], second["said"]) == (0.5, True, '[1,"a"]', None)
    shapes = export_file.Shapes()
    shapes.see({str(number): 1 for number in range(export_file.MOST_COLUMNS + 1)})
    assert shapes.left_out == {str(export_file.MOST_COLUMNS)}


def test_an_export_is_work_that_is_done_once_and_downloaded(tmp_path: Path) -> None:
    dataset = kept(tmp_path, name="Fragen & Ämter / 1")
    started = export.start(dataset.id, "openai", "jsonl", "gz")
    with pytest.raises(ConflictError, match="not ready"):
        export.download(dataset.id, started.id)
    finished = work.wait(started.id, 40)
    assert (finished.status, finished.result["rows"]) == ("succeeded", 20)
    assert export.start(dataset.id, "openai", "jsonl", "gz").id == started.id
    download = export.download(dataset.id, started.id)
    assert (download.name, download.media_type) == ("Fragen-Amter-1-openai.jsonl.gz", "application/gzip")
    assert len(gzip.decompress(download.path.read_bytes()).splitlines()) == 20
    with pytest.raises(NotFoundError):
        export.download("other", started.id)


def test_exports_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    text = kept(tmp_path, [{"text": "a"}], "text")
    with pytest.raises(RefusedError, match="kind text cannot be written as `alpaca`"):
        export.start(text.id, "alpaca")
    with pytest.raises(RefusedError, match="compressed already"):
        export.start(text.id, "trl", "parquet", "gz")
