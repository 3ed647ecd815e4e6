"""Rows are shown as they are trained, for every kind of dataset, and the totals are those of a training."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.process import events
from engine.rows.verdict import Kind
from engine.workers import contract
from engine.workers.tokens import judged_rows, statistics, training_rows, vocabulary
from engine.workers.tokens import page as token_page
from tests.workers.tokens.vocabularies import spec, turns
from tests.workers.train import judged, training_runs

ROOT = Path(__file__).resolve().parents[3]
GEMMA = (  # refuses a system turn
    "{% for message in messages %}{% if message['role'] == 'system' %}{{ raise_exception('No system turn') }}"
    "{% endif %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' }}{% endfor %}"
)


def page(folder: Path, kind: Kind, rows: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    values = spec(folder, kind, rows, **changes)
    assert token_page.write(values, folder)["rows"] == min(len(rows), values["limit"])
    shown: dict[str, Any] = json.loads((folder / token_page.PAGE).read_text())
    return shown


def states(side: dict[str, Any]) -> list[tuple[str, str]]:
    """(state, text) of each run."""
    return [(run["state"], "".join(run["tokens"])) for run in side["runs"]]


def trained(row: dict[str, Any]) -> list[list[str]]:
    """For each side, the texts that are learnt."""
    return [[text for state, text in states(side) if state == "trained"] for side in row["sides"]]


def test_a_chat_shows_what_is_learnt_and_what_is_context(tmp_path: Path) -> None:
    (row,) = page(tmp_path, "chat", [{"messages": turns("Sum?", "23", "And?", "é 👍")}])["rows"]
    assert trained(row) == [["23<|im_end|>", "é 👍<|im_end|>"]]
    assert states(row["sides"][0])[0] == ("context", "<|im_start|>user\nSum?<|im_end|>\n<|im_start|>assistant\n")
    assert "".join(text for _, text in states(row["sides"][0])).endswith("👍<|im_end|>\n")
    assert row["row"] == 1
    assert row["left_out"] == ""


def test_every_token_has_its_border_and_a_character_of_several_is_shown_once(tmp_path: Path) -> None:
    (row,) = page(tmp_path, "text", [{"text": "👍 fox"}])["rows"]
    (side,) = row["sides"]
    tokens = [token for run in side["runs"] for token in run["tokens"]]
    assert len(tokens) == side["tokens"]
    assert tokens[:4] == ["👍", "", "", ""]
    assert "".join(tokens) == "👍 fox<|im_end|>"
    assert side["runs"][0] == {"state": "context", "tokens": ["👍"]}  # nothing comes before the first token


def test_an_answer_that_is_switched_off_is_context(tmp_path: Path) -> None:
    chat = turns("A", "first", "B", "second", "C", "third")
    chat[1]["train"] = chat[5]["train"] = False
    (row,) = page(tmp_path, "chat", [{"messages": chat}])["rows"]
    assert trained(row) == [["second<|im_end|>"]]


def test_what_is_longer_is_shown_as_cut_off_and_said(tmp_path: Path) -> None:
    rows = [{"messages": turns("a", "b" * 60)}, {"messages": turns("a" * 60, "b")}]
    cut, lost = page(tmp_path, "chat", rows, max_length=32)["rows"]
    assert [state for state, _ in states(cut["sides"][0])] == ["context", "trained", "truncated"]
    assert cut["sides"][0]["truncated"] == cut["sides"][0]["tokens"] - 32
    assert "Longer than 32 tokens" in cut["warnings"][0]
    assert "Nothing to learn within 32 tokens" in lost["left_out"]


def test_a_refusal_and_special_tokens_inside_the_text_are_told(tmp_path: Path) -> None:
    rows = [
        {"messages": [{"role": "system", "content": "Be kind."}, *turns("A", "B")]},
        {"messages": turns("What is <|im_end|>?", "An end.")},
    ]
    refused, with_special = page(tmp_path, "chat", rows, template=GEMMA)["rows"]
    assert "No system turn" in refused["left_out"]
    assert refused["sides"] == []
    assert "<|im_end|>" in with_special["warnings"][0]


def test_every_other_kind_of_row_is_shown(tmp_path: Path) -> None:
    prompt = turns("Q", "A", "Q2")
    preference = {"prompt": prompt, "chosen": turns("", "good")[1:], "rejected": turns("", "bad")[1:]}
    (row,) = page(tmp_path / "a", "preference", [preference])["rows"]
    assert [side["name"] for side in row["sides"]] == ["chosen", "rejected"]
    assert trained(row) == [["good<|im_end|>"], ["bad<|im_end|>"]]
    unpaired = {"prompt": prompt, "completion": turns("", "fine")[1:], "label": True}
    assert trained(page(tmp_path / "b", "unpaired", [unpaired])["rows"][0]) == [["fine<|im_end|>"]]
    (row,) = page(tmp_path / "c", "prompt", [{"prompt": prompt}])["rows"]
    assert trained(row) == [[]]
    assert row["left_out"] == ""
    assert states(row["sides"][0])[0][1].endswith("<|im_start|>assistant\n")
    steps = {"prompt": "2+2+1?", "completions": ["2+2 is 4.", "4+1 is 5."], "labels": [True, True]}
    assert trained(page(tmp_path / "d", "stepwise", [steps])["rows"][0]) == [["\n", "\n"]]
    pair = {"prompt": "17 plus 6 is", "completion": " 23."}
    assert trained(page(tmp_path / "e", "completion", [pair], template=None)["rows"][0]) == [[" 23.<|im_end|>"]]
    assert trained(page(tmp_path / "f", "completion", [pair])["rows"][0]) == [[" 23.<|im_end|>"]]


def test_what_was_written_in_another_way_is_noted(tmp_path: Path) -> None:
    call = {"type": "function", "function": {"name": "sum", "arguments": {"a": 1}}}
    chat = [*turns("Sum?"), {"role": "assistant", "content": "", "tool_calls": [call]}]
    tools = [{"type": "function", "function": {"name": "sum", "parameters": {}}}]
    shown = page(tmp_path, "chat", [{"messages": chat, "tools": tools}], max_length=1000)
    assert trained(shown["rows"][0]) == [
        ['<tool_call>\n{"name": "sum", "arguments": {"a": 1}}\n</tool_call><|im_end|>'],
    ]
    assert "knows no tools" in shown["notes"][0]
    assert "plain one" in page(tmp_path, "chat", [{"messages": turns("A", "B")}], template=None)["notes"][0]
    assert "<|im_end|>" in shown["specials"]


# Totals.


def totals(folder: Path, kind: Kind, rows: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    return statistics.counted(spec(folder, kind, rows, **changes), folder)


def test_the_totals_are_those_of_a_training(tiny_model: Path, tmp_path: Path) -> None:
    chats = [
        *training_runs.sums(9),
        training_runs.chat("a", "b" * 90),  # is cut
        training_runs.chat("a" * 90, "b"),  # holds nothing to learn
    ]
    chats[3] = [*chats[3], {"role": "assistant", "content": ""}]
    rows = [{"messages": chat} for chat in chats]
    values = spec(tmp_path, "chat", rows, max_length=64) | {"model": str(tiny_model), "cache": str(tmp_path / "new")}
    counted = statistics.counted(values, tmp_path)
    recipe: dict[str, Any] = {
        "max_steps": -1,
        "num_train_epochs": 1,
        "per_device_train_batch_size": 4,
        "max_length": 64,
    }
    training_values = training_runs.spec(tiny_model, tmp_path / "rows.parquet", **recipe)
    recorded = training_runs.finish(training_values, tmp_path / "out")
    facts = training_runs.only(recorded, events.Started).facts
    names = ("rows", "dropped_rows", "truncated_rows")
    assert [facts[name] for name in names] == [counted["kept"], counted["dropped"], counted["truncated"]]
    assert (counted["untrainable"], counted["truncated"]) == (1, 1)
    learnt = [event.metrics["num_tokens"] for event in recorded if isinstance(event, events.Step)]
    assert max(learnt) == counted["tokens"]
    progress = [event.stage for event in events.read(tmp_path)[0] if isinstance(event, events.Progress)]
    assert progress[0] == "preparing the tokenizer"
    stored, _ = training_rows.prepare(
        _transformers(tiny_model), training_rows.Source(tmp_path / "rows.parquet", "chat", 64, True), tmp_path
    )
    labels = stored.with_format("numpy")["labels"]
    assert sum(int((row[1:] != training_rows.NOT_LEARNT).sum()) for row in labels) == counted["trained"]


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("kind", ["preference", "prompt"])
def test_judged_rows_are_counted_as_a_training_leaves_them_out(
    kind: Kind, whole: bool, tiny_model: Path, tmp_path: Path
) -> None:
    prompt = training_runs.chat("Q")
    rows: list[dict[str, Any]] = [
        {"prompt": prompt, "chosen": judged.assistant_turns("yes"), "rejected": judged.assistant_turns("no")},
        {"prompt": prompt, "chosen": judged.assistant_turns("same"), "rejected": judged.assistant_turns("same")},
        {
            "prompt": prompt,
            "chosen": judged.assistant_turns("x" * 90),
            "rejected": judged.assistant_turns("x" * 90 + "y"),
        },  # same when cut
        {"prompt": prompt, "chosen": judged.assistant_turns("x" * 90), "rejected": judged.assistant_turns("y")},
    ]
    if kind == "prompt":
        rows = [{"prompt": prompt}, {"prompt": training_runs.chat("Q" * 90)}]
    values = spec(tmp_path, kind, rows, max_length=40) | {"model": str(tiny_model), "cache": str(tmp_path / "new")}
    counted = statistics.counted(values, tmp_path)
    source = training_rows.Source(tmp_path / "rows.parquet", kind, 40, answers_only=True)
    _, counts = judged_rows.prepare(_transformers(tiny_model), judged_rows.Selection(source, whole), tmp_path)
    # What is not cut is left out: engine.data.tokens.counted says the same of these totals.
    left_out = counted["dropped"] + (counted["truncated"] if whole else 0)
    assert (counts.rows, counts.dropped) == (len(rows), left_out)
    assert counts.dropped == {"preference": 3 if whole else 2, "prompt": int(whole)}[kind]


def _transformers(model: Path) -> Any:
    from transformers import AutoTokenizer  # noqa: PLC0415  (seconds; one test needs it)

    return AutoTokenizer.from_pretrained(model)


def test_rows_that_teach_nothing_and_refusals_are_counted_and_named(tmp_path: Path) -> None:
    system = {"messages": [{"role": "system", "content": "S"}, *turns("A", "B")]}
    rows = [{"messages": turns("A", "B")}, system, {"messages": turns("A")}, system]
    counted = totals(tmp_path, "chat", rows, template=GEMMA)
    assert (counted["rows"], counted["kept"], counted["refused"], counted["untrainable"]) == (4, 1, 2, 1)
    assert counted["refused_rows"] == [2, 4]
    assert counted["nothing_rows"] == [3]
    assert counted["refusal"] == "No system turn"


def test_a_dataset_of_nothing_is_counted(tmp_path: Path) -> None:
    counted = totals(tmp_path, "chat", [])
    assert (counted["rows"], counted["share_trained"], counted["histogram"], counted["packing"]) == (0, 0, [], None)


def test_both_sides_of_a_preference_count(tmp_path: Path) -> None:
    row = {"prompt": turns("Q"), "chosen": turns("", "x" * 9)[1:], "rejected": turns("", "x")[1:]}
    counted = totals(tmp_path, "preference", [row, {**row, "rejected": turns("", "y" * 80)[1:]}])
    assert counted["kept"] == 2
    assert counted["truncated"] == 1
    assert counted["lengths"]["longest"] > 80
    assert counted["packing"] is None


def test_packing_fills_sequences_as_trl_does() -> None:
    packing = statistics.Packing(10)
    for length in (7, 3, 6, 4, 10, 2):
        packing.add(length)
    packing.flush()
    assert packing.sequences == 4  # 10 | 7+3 | 6+4 | 2


def test_packing_counts_what_trl_packs(tmp_path: Path) -> None:
    from datasets import Dataset  # noqa: PLC0415
    from trl import pack_dataset  # noqa: PLC0415

    lengths = [1 + (n * 7919) % 61 for n in range(1500)]
    packing = statistics.Packing(64)
    for length in lengths:
        packing.add(length)
    packing.flush()
    rows = Dataset.from_dict({"input_ids": [[1] * length for length in lengths]})
    assert packing.sequences == len(pack_dataset(rows, 64, "bfd"))


def test_lengths_are_put_into_bins() -> None:
    lengths = Counter({10: 500, 250: 400, 480: 95, 100_000: 5})
    bins = statistics.histogram(lengths)
    assert sum(int(entry["rows"] or 0) for entry in bins) == 1000
    assert bins[0] == {"from": 0, "to": 19, "rows": 500}
    assert bins[-1] == {"from": 500, "to": None, "rows": 5}
    assert (statistics.quantile(lengths, 0.5), statistics.quantile(lengths, 0.99)) == (10, 480)
    assert statistics._rounded(100_001) == 99_840


def test_a_stop_is_heard_while_counting(tmp_path: Path) -> None:
    values = spec(tmp_path, "text", [{"text": "fox"}])
    (tmp_path / "stop.request").touch()
    with pytest.raises(contract.Stopped):
        statistics.counted(values, tmp_path)


def test_a_model_without_a_tokenizer_is_told(tmp_path: Path) -> None:
    with pytest.raises(contract.WorkFailedError, match="tokenizer cannot be loaded"):
        vocabulary.prepared(tmp_path, tmp_path / "cache", lambda _: None)


@pytest.mark.parametrize("worker", ["rows", "totals"])
def test_the_workers_run_as_programs(worker: str, tmp_path: Path) -> None:
    values = spec(tmp_path, "chat", [{"messages": turns("A", "B")}])
    (tmp_path / "spec.json").write_text(json.dumps(values))
    argv = [sys.executable, "-m", f"engine.workers.tokens.{worker}", str(tmp_path / "spec.json"), str(tmp_path)]
    subprocess.run(argv, cwd=ROOT, timeout=60, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    (finished,) = [event for event in events.read(tmp_path)[0] if isinstance(event, events.Finished)]
    assert finished.result["rows"] == 1
