"""The trained form and the served form are asked the same, and where they part is told."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.process import events
from engine.process.plan import WORKERS
from engine.rows.heldout import record
from engine.workers.contract import WorkFailedError
from engine.workers.serve.parity import compare, prompts, served, trained
from tests.workers.serve.running import Server
from tests.workers.train.training_runs import finish, sums, write_rows
from tests.workers.train.training_runs import spec as training_spec
from tests.workers.warm import Program

# PEFT asks for it.
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def voice(name: str, model: str, adapter: str | None = None, whole: str | None = None) -> dict[str, Any]:
    return {"name": name, "model": model, "adapter_path": adapter, "model_path": whole, "run_folder": None}


def asked(server: Server, spec: dict[str, Any], *voices: dict[str, Any]) -> dict[str, Any]:
    shared = {"model_path": spec["model_path"], "dtype": "float32", "device": "cpu", "rows": 2, "max_tokens": 8}
    return shared | {"address": f"unix:{server.socket}", "voices": list(voices)}


def test_what_is_served_is_what_was_trained(server: Server, spec: dict[str, Any], tmp_path: Path) -> None:
    """By the program that the studio starts: a base, two adapters on it, and a run that trained every weight."""
    folders, out = spec["adapters"], tmp_path / "out"
    voices = [voice("m:base", "m:base"), *(voice(f"m:{key}", f"m:{key}", folders[key]) for key in ("one", "two"))]
    values = asked(server, spec, *voices, voice("m:whole", "m:whole", whole=folders["whole"]))
    out.mkdir()
    (out / "spec.json").write_text(json.dumps(values))
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with Program(WORKERS["parity"], [str(out / "spec.json"), str(out)], environment, out / "output.log") as process:
        assert process.wait(timeout=280) == 0, (out / "output.log").read_text()[-3000:]
    finished = events.read(out)[0][-1]
    assert isinstance(finished, events.Finished)
    assert [name["name"] for name in finished.result["names"]] == ["m:base", "m:one", "m:two", "m:whole"]
    assert finished.result["identical"], finished.result["names"]
    assert (finished.result["rows"], finished.result["differs"]) == (4 * len(prompts.FIXED), 0)
    assert all(name["equal_tokens"] > 8 for name in finished.result["names"])


def test_another_adapter_is_not_taken_for_the_trained_one(server: Server, spec: dict[str, Any], tmp_path: Path) -> None:
    result = compare.compare(asked(server, spec, voice("m:one", "m:two", spec["adapters"]["one"])), tmp_path)
    [name] = result["names"]
    assert not result["identical"]
    assert name["differs"] > len(prompts.FIXED) / 2
    first = name["where"][0]
    assert first["at"] is not None
    assert first["gap"] > 0
    assert first["trained"] != first["served"]


class Voice:
    """A trained form whose tokens are letters; `e` ends an answer."""

    end_ids = frozenset({ord("e")})

    def text(self, tokens: list[int]) -> str:
        return "".join(map(chr, tokens))


def answers(own: str, other: str, other_prompt: str = "q") -> compare.Difference | None:
    logprobs = torch.full((len(own), 128), -5.0)
    logprobs[range(len(own)), [ord(letter) for letter in own]] = -1.0
    said = trained.Answer([ord("q")], [ord(letter) for letter in own], logprobs)
    heard = served.Answer([ord(letter) for letter in other_prompt], [ord(letter) for letter in other])
    return compare.difference([{"role": "user", "content": "why"}], said, heard, Voice())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        ("abc", "abc", None),
        ("abe", "abe", None),
        ("abe", "ab", None),  # whether a server tells the end itself is its own affair
        ("abc", "abd", (2, 4.0)),
        ("axc", "abc", (1, 4.0)),
        ("abe", "abc", (2, 4.0)),  # one has ended where the other went on
        ("abc", "ab", (2, None)),
        ("abc", "abe", (2, 4.0)),
    ],
)
def test_the_first_token_that_differs_is_told_with_its_gap(own: str, other: str, expected: Any) -> None:
    found = answers(own, other)
    assert (found and (found.at, found.gap)) == expected


def test_a_prompt_that_was_read_otherwise_counts_first() -> None:
    found = answers("abc", "abc", other_prompt="qq")
    assert found is not None
    assert (found.at, found.served) == (None, "qq")


def test_a_row_asks_what_stands_before_its_first_answer() -> None:
    turns = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": "a"},
    ]
    assert prompts.question({"messages": [*turns, {"role": "user", "content": "y"}]}) == turns[:2]
    assert prompts.question({"prompt": "text"}) == [{"role": "user", "content": "text"}]
    assert prompts.question({"text": "no question"}) == []
    assert prompts.question({"messages": turns[2:]}) == []
    assert prompts.question({"prompt": "x" * 5000}) == []


def test_rows_that_the_run_has_held_out_are_asked_beside_the_fixed_prompts(
    server: Server, spec: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    """Of a real training with a held-out part; one without has fixed prompts alone."""
    rows, out = sums(12), tmp_path / "run"
    recipe: dict[str, Any] = {"eval_fraction": 0.25, "max_steps": 1}
    finish(training_spec(tiny_model, write_rows(tmp_path, "chat", rows), **recipe), out)
    held_out = record.read(out / record.FILE)
    assert held_out is not None
    positions = held_out.positions("eval")
    assert len(positions) == 3
    questions = [rows[place][0]["content"] for place in positions]
    assert [prompt[-1]["content"] for prompt in prompts.held_out(out, 8)] == questions
    tuned = voice("m:one", "m:one", spec["adapters"]["one"]) | {"run_folder": str(out)}
    result = compare.compare(asked(server, spec, tuned, voice("m:base", "m:base")), tmp_path)
    counts = [(name["rows"], name["held_out"], name["differs"]) for name in result["names"]]
    assert counts == [(len(prompts.FIXED) + 2, 2, 0), (len(prompts.FIXED), 0, 0)]  # two rows were asked for


def test_a_server_that_is_gone_is_said(tmp_path: Path, spec: dict[str, Any], server: Server) -> None:
    values = asked(server, spec, voice("m", "m")) | {"address": f"unix:{tmp_path}/nobody"}
    with pytest.raises(WorkFailedError, match="did not answer"):
        compare.compare(values, tmp_path)


def test_a_name_that_the_server_does_not_know_is_said(tmp_path: Path, spec: dict[str, Any], server: Server) -> None:
    with pytest.raises(WorkFailedError, match="There is no model"):
        compare.compare(asked(server, spec, voice("m", "m:nobody")), tmp_path)
