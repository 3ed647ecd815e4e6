"""`tunesmith data` in this process, on the real engine: one dataset through every command."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.cli import running_studio
from app.cli.commands import cli
from app.cli.data import mapping_from
from engine.errors import RefusedError, TunesmithError
from engine.life.life import Life
from tests.engine import table_rows
from tests.waiting import wait_for

CSV = "Frage,Antwort\nWer?,Ich bin es.\nWas?,Das da.\nWas?,Das da.\nLeer?,\n"


def run(*arguments: str) -> str:
    """What a command prints. A refusal is raised, as `main` catches it."""
    ended = CliRunner().invoke(cli, arguments)
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == 0, ended.output
    return ended.stdout


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def studio() -> Iterator[None]:
    """A studio that runs on the same home: the commands leave the work to it, and wait."""
    life = Life("tests")
    life.start()
    wait_for(running_studio.studio_runs)
    yield
    life.stop()


@pytest.mark.usefixtures("studio")
def test_a_dataset_is_imported_mapped_checked_changed_and_exported(tmp_path: Path) -> None:
    shards = tmp_path / "fragen"
    shards.mkdir()
    (shards / "1.csv").write_text(CSV)
    (shards / "2.csv").write_text(CSV)
    printed = run("import", str(shards))
    assert "needs_mapping" in printed
    id = printed.split()[1]
    assert f"tunesmith data map {id} --map" in printed
    assert "Antwort: Ich bin es. | Das da." in run("data", "map", id)

    short = tmp_path / "short.csv"
    short.write_bytes("prompt,completion\nyes,да\n".encode("cp1251"))
    asked = run("import", str(short))
    assert "completion yes,да" in asked
    assert f"tunesmith data map {asked.split()[1]} --encoding NAME" in asked
    assert "ready completion rows 1" in run("data", "map", asked.split()[1], "--encoding", "cp1251")
    assert "encoding  cp1251" in run("data", "show", asked.split()[1])
    run("data", "delete", asked.split()[1])
    assert json.loads(run("import", str(short), "--encoding", "windows-1251", "--json"))["status"] == "ready"

    assert json.loads(run("data", "map", id, "--json"))["mapping"]["parts"]["prompt"] == "Frage"
    mapped = run("data", "map", id, "--map", "prompt=Frage", "--map", "completion=Antwort")
    assert "ready chat rows 8 accepted 6 repaired 0 rejected 2" in mapped
    assert id in run("data", "list")
    assert "rejected  2 x empty answer" in run("data", "show", id)
    assert json.loads(run("data", "rows", id, "--limit", "1", "--json"))[0]["messages"][1]["content"] == "Ich bin es."
    assert [rejection["row"] for rejection in json.loads(run("data", "rejections", id, "--json"))] == [4, 8]
    hits = json.loads(run("data", "search", id, "Wer", "--limit", "5", "--json"))
    assert (hits["total"], [hit["position"] for hit in hits["rows"]]) == (2, [0, 3])
    assert "exact_duplicates" in run("data", "health", id)

    filtered = json.loads(run("data", "filter", id, "--contains", "Wer", "--drop", "--json"))["id"]
    assert "version 2" in run("data", "versions", id)
    assert json.loads(run("data", "diff", id, filtered, "--json"))["removed"] == 2
    assert len(json.loads(run("data", "split", id, "--test", "0.5", "--name", "parts", "--json"))) == 2
    merged = json.loads(run("data", "merge", id, filtered, "--name", "both", "--json"))["id"]
    export_file = tmp_path / "both.jsonl"
    assert json.loads(run("data", "export", merged, str(export_file), "--form", "openai", "--json"))["size_bytes"] > 0
    assert len(lines(export_file.read_text())) == 10
    names = run("data", "list", "--versions")
    assert all(name in names for name in ("both", "fragen (version 2)", "parts"))
    run("data", "delete", merged)
    assert merged not in run("data", "list")


@pytest.mark.usefixtures("studio")
def test_an_import_is_previewed_and_nothing_is_stored(tmp_path: Path) -> None:
    shards = tmp_path / "fragen"
    shards.mkdir()
    (shards / "1.csv").write_text(CSV)
    (shards / "2.csv").write_text(CSV)
    short = tmp_path / "short.csv"
    short.write_bytes("prompt,completion\nyes,да\n".encode("cp1251"))
    shown = run("data", "preview", str(shards), "--rows", "1")
    assert "kind      chat, for sft, gkd" in shown
    assert "columns   prompt=Frage, completion=Antwort" in shown
    assert "rows      8; 6 of the first 8 would be taken" in shown
    assert len([line for line in shown.splitlines() if line.startswith("{")]) == 1
    assert json.loads(run("data", "preview", str(shards), "--map", "text=Frage", "--json"))["kind"] == "text"
    assert "encoding  cp1251       completion yes,да" in run("data", "preview", str(short))
    assert run("data", "list") == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("import",), "either files or --hub"),
        (("import", "--hub", "../x"), "hub"),
        (("import", "/no/such/file"), "no file or folder"),
        (("data", "show", "abcabcabcabc"), "no dataset"),
        (("data", "preview"), "either files or --hub"),
        (("data", "preview", "/no/such/file"), "no file or folder"),
        (("data", "filter", "d"), "nothing to filter by"),
        (("data", "merge", "d", "d1", "--weights", "x"), "not weights"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(arguments: tuple[str, ...], words: str) -> None:
    table_rows.add_rows()
    with pytest.raises(TunesmithError, match=words):
        run(*arguments)


def test_a_mapping_is_typed_as_pairs_and_its_kind_follows_from_its_parts() -> None:
    mapping = mapping_from(["messages=talk", "label=good"], ["customer=user"], keys="party, said")
    assert (mapping.kind, mapping.roles, mapping.who, mapping.what) == (
        "unpaired",
        {"customer": "user"},
        "party",
        "said",
    )
    assert mapping_from(["text=a"], None).kind == "text"
    assert mapping_from(["prompt=a", "completion=b"], None, kind="completion").kind == "completion"
    with pytest.raises(RefusedError, match="PART=COLUMN"):
        mapping_from(["prompt"], None)
