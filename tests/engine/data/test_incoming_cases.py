"""What people bring: tables of a spreadsheet, saved datasets, exported chats, JSON written by hand, long numbers."""

import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.data import incoming_files
from engine.rows.readers import json_lines, splits
from engine.rows.store import columnar
from engine.rows.verdict import Rejection
from engine.workers.data import import_files

LONG = "123456789012345678901234567890"


def imported(out: Path, *files: tuple[Path, str], **more: Any) -> dict[str, Any]:
    """What the worker says in the end, with the rows and the notes."""
    out.mkdir()
    named = zip(files, splits.of_names([name for _, name in files]), strict=True)
    sources = [{"path": str(path), "name": name.rpartition("/")[2], "split": split} for (path, name), split in named]
    result = import_files.work({"sources": sources, "mapping": None, **more}, out)
    if result["status"] == "ready":
        rows = columnar.page(out / "rows.parquet", 0, 100)
        result |= {**json.loads((out / "summary.json").read_bytes()), "stored": rows}
    return result


def file_of(tmp_path: Path, name: str, content: bytes | str, **more: Any) -> dict[str, Any]:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return imported(tmp_path / "out", (path, name), **more)


def test_a_table_from_a_korean_excel_just_works(tmp_path: Path) -> None:
    content = (
        "질문,답변,\r\n환불은 어떻게 하나요?,주문 내역에서 신청하세요.,\r\n배송은 언제 오나요?,내일 도착합니다.,\r\n"
    )
    result = file_of(tmp_path, "고객 문의.csv", content.encode("cp949"))
    assert (result["status"], result["accepted"], result["rejected"]) == ("ready", 2, 0)
    assert result["stored"][0]["prompt"] == "환불은 어떻게 하나요?"
    assert result["files"] == [{"name": "고객 문의.csv", "rows": 2, "encoding": "cp949"}]
    assert result["notes"][0] == "Read as CSV separated by commas, Korean (CP949, EUC-KR)."


@pytest.mark.parametrize(
    ("separator", "found_as"),
    [
        (";", "CSV separated by semicolons"),
        (",", "CSV separated by commas"),
        ("\t", "TSV (tabs)"),
        ("|", "CSV separated by bars"),
    ],
)
def test_the_note_says_what_stands_between_the_cells_of_a_table(tmp_path: Path, separator: str, found_as: str) -> None:
    table = f"prompt{separator}completion\n2 + 2{separator}4\n"
    assert file_of(tmp_path, "a.csv", table)["notes"][0] == f"Read as {found_as}, UTF-8."
    (tmp_path / "b.csv").write_bytes(f"sep={separator}\n{table}".encode("utf-16"))
    told = imported(tmp_path / "told", (tmp_path / "b.csv", "b.csv"))
    assert told["notes"][0].startswith(f"Read as {found_as}, UTF-16")


def test_columns_nobody_knows_are_mapped_on_the_tab_of_the_dataset(tmp_path: Path) -> None:
    result = file_of(tmp_path, "a.csv", "colour;size\nred;large\n")
    assert result["status"] == "needs_mapping"
    assert result["hint"].startswith("Say on its tab Mapping which column is which")


def test_an_unclear_encoding_waits_for_a_person_and_nothing_is_stored(tmp_path: Path) -> None:
    content = "prompt,completion\r\nyes,да\r\n".encode("cp1251")
    result = file_of(tmp_path, "a.csv", content)
    assert (result["status"], result["columns"]) == ("needs_mapping", [])
    assert "cp1251" in [choice["encoding"] for choice in result["encodings"]]
    assert "not clear in which encoding the file is written" in result["error"]
    assert not (tmp_path / "out" / "rows.parquet").exists()
    again = imported(tmp_path / "again", (tmp_path / "a.csv", "a.csv"), encoding="cp1251")
    assert again["stored"] == [{"prompt": "yes", "completion": "да", "row": 1}]
    assert not any("found by the letters" in note for note in again["notes"])


def test_bytes_in_no_encoding_are_said_with_their_line(tmp_path: Path) -> None:
    content = b'{"text": "Gr\xc3\xb6\xc3\x9fe"}\n' * 3 + b'{"text": "\xff"}\n' + b'{"text": "a"}\n'
    result = file_of(tmp_path, "a.jsonl", content)
    assert (result["accepted"], result["rejected"], result["rules"]) == (4, 1, {"not_utf8": 1})
    assert result["notes"][-1] == "Bytes that are not UTF-8 in line 4: the rows with them were rejected."


def test_empty_columns_without_a_name_are_left_out_and_said(tmp_path: Path) -> None:
    result = file_of(tmp_path, "a.csv", "instruction;output;;\nHow are you?;Well;;\nAnd now?;Still well;;\n")
    assert (result["accepted"], result["columns"]) == (2, ["instruction", "output"])
    assert "2 columns without a name and with nothing in them were left out." in result["notes"]
    assert all("extra" not in row for row in result["stored"])


def test_columns_without_a_name_or_with_one_name_are_told_apart(tmp_path: Path) -> None:
    result = file_of(tmp_path, "a.csv", "prompt,completion,note,note,\na,b,c,d,e\nf,g,h,i,\n")
    assert result["accepted"] == 2
    assert result["stored"][0]["extra"] == {"note": "c", "note_2": "d", "column 5": "e"}
    assert result["stored"][1]["extra"] == {"note": "h", "note_2": "i"}
    assert "The column `note` is there more than once; this one is called `note_2`." in result["notes"]
    assert "Column 5 has no name; it is called `column 5`." in result["notes"]


def test_empty_cells_beyond_the_header_are_no_reason_to_reject(tmp_path: Path) -> None:
    result = file_of(tmp_path, "a.csv", "prompt,completion\na,b,,\nc,d\ne,f,g\n")
    assert (result["accepted"], result["rules"]) == (2, {"cells": 1})
    assert "A row ends with empty cells beyond the last column; these were left out." in result["notes"]


def test_columns_of_one_name_in_parquet_are_told_apart(tmp_path: Path) -> None:
    table = pa.table([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    pq.write_table(table, tmp_path / "a.parquet")
    result = imported(tmp_path / "out", (tmp_path / "a.parquet", "a.parquet"))
    assert result["stored"] == [{"text": "a", "extra": {"text_2": "b"}, "row": 1}]


def shard(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table)


def saved(folder: Path, rows: list[dict[str, Any]]) -> None:
    """A folder as `datasets` 5 saves one: shards, and two files about them."""
    shard(folder / "data-00000-of-00001.arrow", rows)
    state = {"_data_files": [{"filename": "data-00000-of-00001.arrow"}], "_fingerprint": "x", "_split": None}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text(json.dumps({"features": {"instruction": {"dtype": "string"}}}))


SUMS = [{"instruction": f"add {number} and 1", "output": str(number + 1)} for number in range(6)]


def test_a_saved_dataset_gives_the_rows_of_its_shards(tmp_path: Path) -> None:
    saved(tmp_path / "saved", SUMS)
    shard(tmp_path / "saved" / "cache-1234.arrow", SUMS * 9)  # of a map(), and no part of the dataset
    files = incoming_files.files_in(tmp_path / "saved")
    result = imported(tmp_path / "out", *files)
    assert (result["accepted"], result["rejected"]) == (6, 0)
    assert all("extra" not in row for row in result["stored"])


def test_the_splits_of_a_saved_dataset_are_told_apart(tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    saved(folder / "train", SUMS)
    saved(folder / "test", SUMS[:2])
    (folder / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    result = imported(tmp_path / "out", *incoming_files.files_in(folder))
    assert (result["accepted"], result["rejected"]) == (8, 0)
    assert [row["extra"]["split"] for row in result["stored"]] == ["test"] * 2 + ["train"] * 6
    assert "test 2, train 6" in " ".join(result["notes"])


def test_files_named_after_splits_are_told_apart(tmp_path: Path) -> None:
    for name in ("train", "validation", "test"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"prompt": name, "completion": "x", "note": "n"}) + "\n")
    (tmp_path / "README.md").write_text("# About\n\nThese rows.\n")
    files = incoming_files.files_in(tmp_path)
    assert [name for _, name in files] == ["test.jsonl", "train.jsonl", "validation.jsonl"]
    result = imported(tmp_path / "out", *files)
    assert {row["prompt"]: row["extra"] for row in result["stored"]} == {
        name: {"note": "n", "split": name} for name in ("train", "validation", "test")
    }


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.jsonl", "b.jsonl"], ["", ""]),
        (["train.jsonl"], [""]),
        (["latest.jsonl", "training.jsonl"], ["", ""]),
        (["data/dev.csv", "data/train.csv", "data/more.csv"], ["validation", "train", "train"]),
        (["eval/1.json", "train/1.json", "train/2.json"], ["test", "train", "train"]),
        (["unsup/data-00000-of-00001.arrow", "train/data-00000-of-00001.arrow"], ["unsup", "train"]),
        (["data-00000-of-00002.arrow", "data-00001-of-00002.arrow"], ["", ""]),
    ],
)
def test_splits_are_found_by_the_names(names: list[str], expected: list[str]) -> None:
    assert splits.of_names(names) == expected


def test_who_wrote_a_text_is_no_question(tmp_path: Path) -> None:
    rows = [
        {"type": "message", "user": "U1", "text": "how do I reset it?", "ts": "1.1"},
        {"type": "message", "user": "ann", "text": "press the button", "ts": "1.2"},
    ]
    result = file_of(tmp_path, "slack.json", json.dumps(rows))
    assert (result["format"], [row["text"] for row in result["stored"]]) == ("text", [row["text"] for row in rows])
    asked = [{"user": "How do I reset it?", "assistant": "Press the button."}]
    assert imported(tmp_path / "b", (_json(tmp_path / "b.json", asked), "b.json"))["format"] == "prompt_completion"
    ids = [{"user": f"U{number}", "answer": "yes"} for number in range(3)]
    assert imported(tmp_path / "c", (_json(tmp_path / "c.json", ids), "c.json"))["status"] != "ready"


def _json(path: Path, rows: list[Any]) -> Path:
    path.write_text(json.dumps(rows))
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", f'{{"id": {LONG}, "instruction": "a?", "output": "b"}}\n'),
        ("a.json", f'[{{"id": {LONG}, "instruction": "a?", "output": "b"}}]'),
        ("a.csv", f"id,instruction,output\n{LONG},a?,b\n"),
    ],
)
def test_a_long_number_stays_as_it_was(tmp_path: Path, name: str, content: str) -> None:
    assert file_of(tmp_path, name, content)["stored"][0]["extra"] == {"id": LONG}


def test_a_long_number_stays_as_it_was_in_parquet(tmp_path: Path) -> None:
    ids = pa.array([Decimal(LONG)], pa.decimal128(38, 0))
    pq.write_table(pa.table({"id": ids, "instruction": ["a?"], "output": ids}), tmp_path / "a.parquet")
    (row,) = imported(tmp_path / "out", (tmp_path / "a.parquet", "a.parquet"))["stored"]
    assert (row["extra"], row["messages"][1]["content"]) == ({"id": LONG}, LONG)


def test_long_numbers_stay_everywhere_in_a_row(tmp_path: Path) -> None:
    call = {"name": "pay", "arguments": f'{{"account": {LONG}}}'}
    chat = [
        {"role": "user", "content": "pay"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
    ]
    line = json.dumps({"messages": chat, "deep": {"list": ["LONG"]}, "share": "FRACTION"})
    line = line.replace('"LONG"', LONG).replace('"FRACTION"', "0.12345678901234567890")
    (row,) = file_of(tmp_path, "a.jsonl", line)["stored"]
    assert row["messages"][1]["tool_calls"][0]["function"]["arguments"] == {"account": LONG}
    assert row["extra"] == {"deep": {"list": [LONG]}, "share": "0.12345678901234567890"}


def test_slips_of_json_written_by_hand_are_mended_and_said(tmp_path: Path) -> None:
    lines = [
        '{"prompt": "a, ]", "completion": "b // no comment",},',
        '\ufeff{"prompt": "c", "completion": "d", "list": [1, 2,]}',
        '{"prompt": "e", "completion": "f", "score": NaN, "least": -Infinity}',
        '{"prompt": "g", "completion": "h"} // why',
        '{"prompt": "i", "completion": "j"}',
        '{"prompt": "k" "completion": "l"}',
    ]
    result = file_of(tmp_path, "a.jsonl", "\n".join(lines))
    assert (result["accepted"], result["repaired"], result["rejected"]) == (1, 4, 1)
    repairs = {"trailing_comma": 2, "byte_order_mark": 1, "not_a_number": 1, "left_out_comment": 1}
    assert result["repairs"] == repairs
    assert result["stored"][0] == {"prompt": "a, ]", "completion": "b // no comment", "row": 1}
    assert result["stored"][1]["extra"] == {"list": [1, 2]}
    (tmp_path / "b.json").write_text(f"[// it's {{ all\n{lines[0]} // two\n{lines[2]},\n{lines[4]},]\n// end")
    array = imported(tmp_path / "b", (tmp_path / "b.json", "b.json"))
    assert (array["accepted"], array["repaired"], array["rejected"]) == (1, 2, 0)
    assert array["notes"][-1] == "Comments between the rows were left out: 3."


@pytest.mark.parametrize("part", [b'"\\', b"/", b",", b"//", b"[,", b"NaN", b" "])
def test_a_hostile_row_is_read_in_a_time_that_grows_with_its_length(part: bytes) -> None:
    began = time.process_time()
    assert isinstance(json_lines.row_of(b"{" + part * (1_000_000 // len(part))), Rejection)
    assert time.process_time() - began < 15
