"""Mappings: what was detected, what a change would do to the first rows, and the files read anew by it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.data import datasets, importing, mappings
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.rows.mapping import detection, mapping, suggestion
from engine.rows.mapping.mapping import Mapping
from storage.statuses import DatasetStatus
from storage.tables import Dataset
from tests.waiting import wait_for

CSV = "Nr,Frage,Antwort_lang,Thema\n1,Wer?,Ich.,a\n2,Was?,Das und noch viel mehr.,b\n3,Leer?,,c\n"
GERMAN = Mapping(kind="chat", parts={"prompt": "Frage", "completion": "Antwort_lang"})


def settled(id: str) -> Dataset:
    def ended() -> Dataset | None:
        importing.tick()
        dataset = datasets.look_up(id)
        return dataset if dataset.status != DatasetStatus.IMPORTING else None

    ended_dataset = wait_for(ended, 40, every=0.05)
    assert ended_dataset
    return ended_dataset


def brought_in(folder: Path, text: str, name: str = "fragen.csv") -> Dataset:
    file = folder / name
    file.write_text(text)
    return settled(datasets.import_file(file, file.stem, source="path").id)


def test_a_file_nobody_knows_is_mapped_by_hand_and_the_next_like_it_by_itself(tmp_path: Path) -> None:
    unknown = brought_in(tmp_path, CSV)
    assert unknown.status == DatasetStatus.NEEDS_MAPPING
    detected = mappings.look(unknown.id)
    assert (detected["format"], detected["guessed"], detected["looked_at"]) == (None, True, 3)
    assert detected["mapping"]["parts"] == GERMAN.parts
    assert [column["name"] for column in detected["columns"]] == ["Nr", "Frage", "Antwort_lang", "Thema"]
    assert detected["columns"][1]["examples"] == ["Wer?", "Was?"]

    tried = mappings.try_mapping(unknown.id, GERMAN, rows=2)
    assert (tried["accepted"], tried["rejected"], tried["rules"]) == (2, 1, {"empty_answer": 1})
    assert [row["verdict"] for row in tried["rows"]] == ["accepted", "accepted", "rejected"]
    assert tried["rows"][0]["values"]["messages"][1]["content"] == "Ich."
    assert tried["rows"][2]["fix"]
    with pytest.raises(RefusedError, match="no column `Nummer`"):
        mappings.try_mapping(unknown.id, Mapping(kind="text", parts={"text": "Nummer"}))

    ready = settled(mappings.apply(unknown.id, GERMAN).id)
    assert (ready.id, ready.status, ready.kind, ready.accepted) == (unknown.id, DatasetStatus.READY, "chat", 2)
    assert ready.mapping == GERMAN.model_dump()

    like_it = brought_in(tmp_path, CSV.replace("Wer?", "Wo?"), "mehr.csv")
    assert (like_it.status, like_it.mapping) == (DatasetStatus.READY, ready.mapping)
    assert "Read by the mapping of `fragen`, which has the same columns." in datasets.summary(like_it.id)["notes"]

    as_detected = settled(mappings.apply(like_it.id, None).id)
    assert (as_detected.status, as_detected.version) == (DatasetStatus.NEEDS_MAPPING, 2)
    assert as_detected.mapping is None
    assert datasets.look_up(like_it.id).status == DatasetStatus.READY


def test_a_ready_dataset_stays_and_another_mapping_makes_a_new_version(tmp_path: Path) -> None:
    rows = [{"instruction": f"Say {n}", "output": str(n), "note": "x"} for n in range(1, 9)]
    ready = brought_in(tmp_path, "".join(json.dumps(row) + "\n" for row in rows), "says.jsonl")
    detected = mappings.look(ready.id)
    assert (detected["format"], detected["formats"], detected["confidence"]) == ("alpaca", {"alpaca": 8}, 1.0)
    assert detected["mapping"]["parts"] == {"prompt": "instruction", "completion": "output"}
    version = settled(mappings.apply(ready.id, Mapping(kind="text", parts={"text": "instruction"})).id)
    assert (version.version, version.family_id, version.kind) == (2, ready.id, "text")
    assert datasets.rows(version.id)[0]["text"] == "Say 1"
    assert datasets.look_up(ready.id).kind == "chat"
    with pytest.raises(NotFoundError):
        mappings.look("abcabcabcabc")


def test_what_has_no_file_has_nothing_to_map(tmp_path: Path) -> None:
    ready = brought_in(tmp_path, '{"text": "a b"}\n', "a.jsonl")
    (tmp_path / "home" / "datasets" / ready.id / "source").unlink()
    with pytest.raises(ConflictError, match="not kept"):
        mappings.look(ready.id)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"kind": "chat", "parts": {"prompt": "a"}}, "a chat row needs `messages`, or `prompt` and `completion`"),
        ({"kind": "chat", "parts": {"prompt": "a", "completion": "a"}}, "`a` is taken twice"),
        ({"kind": "text", "parts": {"text": "a", "chosen": "b"}}, "`chosen` is not a part of a text row"),
        ({"kind": "text", "parts": {"text": ""}}, "`text` is not a column"),
        ({"kind": "chat", "parts": {"messages": "a", "prompt": "b"}}, "either as `messages` or with `prompt`"),
        ({"kind": "poem", "parts": {}}, "kind"),
        ({"kind": "text", "parts": {"text": "x" * 300}}, "at most"),
        ({"kind": "chat", "parts": {"messages": "a"}, "roles": {"boss": "king"}}, "roles.boss"),
    ],
)
def test_a_mapping_that_does_not_hold_says_why(values: dict[str, Any], words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        mapping.parse(values)


@pytest.mark.parametrize(
    ("rows", "kind", "parts"),
    [
        ([{"alpha": "Say it " * n, "beta": "So be it " * n} for n in (1, 2)], "chat", ("alpha", "beta")),
        ([{"alpha": "A long answer " * n * 9, "beta": "Why " * n} for n in (1, 2)], "chat", ("beta", "alpha")),
        ([{"q": f"Q {n}", "a": f"An answer {n}", "thumbs": "1"} for n in (1, 2)], "unpaired", ("q", "a", "thumbs")),
        ([{"q": f"Q {n}", "good_reply": f"a {n}", "bad": f"b {n}"} for n in (1, 2)], "preference", None),
        ([{"id": f"{n}", "lyrics": "la " * n} for n in (1, 2)], "text", ("lyrics",)),
        ([{"modelAnswer": f"b {n}", "other": f"a {n}"} for n in (1, 2)], "chat", ("other", "modelAnswer")),
    ],
)
def test_a_guess_goes_by_names_then_by_what_is_in_the_columns(
    rows: Sequence[dict[str, Any]], kind: str, parts: tuple[str, ...] | None
) -> None:
    guess = suggestion.guess(rows)
    assert guess
    assert guess.kind == kind
    assert parts is None or tuple(guess.parts.values()) == parts
    verdict = detection.judge(rows[0], mapping.format_of(guess))
    assert isinstance(verdict, detection.Accepted)


def test_turns_with_keys_and_roles_of_their_own_are_guessed_too() -> None:
    lines = [("customer", "My lamp is broken."), ("desk", "Please send it to us."), ("customer", "I will.")]
    talk = [{"party": speaker, "utterance": line} for speaker, line in lines]
    guess = suggestion.guess([{"talk": json.dumps(talk), "tools": None}])
    assert guess == Mapping(
        kind="chat",
        parts={"messages": "talk", "tools": "tools"},
        roles={"customer": "user", "desk": "assistant"},
        who="party",
        what="utterance",
    )
    verdict = detection.judge({"talk": talk}, mapping.format_of(guess))
    assert isinstance(verdict, detection.Accepted)
    assert [turn["role"] for turn in verdict.values["messages"]] == ["user", "assistant"]
    assert suggestion.guess([{"n": 1}, "no row"]) is None
