"""Rewards in a script: rules as functions, a person's own as it is, and nothing of it ever the script's own code."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine.runs.script import frame, rewards, told
from engine.weights import checkpoints
from storage import home
from tests.engine.runs.script.begun import begun_run, respecified
from tests.engine.runs.script.test_frame import HOSTILE, calls, values
from tests.engine.weights import model_folders

OWN = "import json\n\nGOOD = 3\n\n\ndef reward(completion, **columns):\n    return len(json.dumps(completion)) - GOOD"
RULES: dict[str, Any] = {"method": "grpo", "reward_funcs": "exact_match, regex, json_schema, length"}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return model_folders.make(tmp_path / "base")


def test_a_persons_function_stands_in_the_script_as_it_was_written(base: Path) -> None:
    run = begun_run(base, method="grpo", reward_funcs="length, python", reward_code=OWN)
    text = frame.script(told.of_run(run.id))
    assert f"here nothing holds it back.\n{OWN}\n" in text
    assert "rewards = [length, python]" in text
    assert "it ran in a sandbox" in text.replace("\n# ", " ")
    assert "REWARD_CODE" not in text


@pytest.mark.parametrize(
    "code",
    [
        "model = 1\ndef reward():\n    return 1",  # the script's own names
        "def json():\n    return 1\ndef reward():\n    return json()",
        "def reward():\n    global tokenizer\n    tokenizer = 1\n    return 1",
        "TRAINING = {}\ndef reward():\n    return 1",
        "def reward():\n    return 1\ndef len(rows):\n    return 1",
        "for trainer in ():\n    pass\ndef reward():\n    return 1",
        "from __future__ import annotations\ndef reward():\n    return 1",  # only allowed in a file's first line
        "import random as numpy\ndef reward():\n    return 1",
    ],
)
def test_a_function_that_would_change_the_script_is_a_text_with_a_room_of_its_own(code: str, base: Path) -> None:
    run = begun_run(base, method="grpo", reward_funcs="python", reward_code=code)
    text = frame.script(told.of_run(run.id))
    assert values(text)["REWARD_CODE"] == code.strip()
    assert "exec" in calls(text)
    assert not rewards.fits_in(code)


def test_what_is_no_function_is_no_code_either() -> None:
    for text in ("def reward(:", "def other():\n    return 1", "", f"{HOSTILE}", "def reward():\n    return 1\x00"):
        assert not rewards.fits_in(text)


def test_common_imports_and_names_of_its_own_need_no_room() -> None:
    assert rewards.fits_in(OWN)
    assert rewards.fits_in("import re, math\ndef reward(completion):\n    length = len(completion)\n    return length")
    assert rewards.fits_in("from functools import cache\n\n@cache\ndef helper(x):\n    return x\nreward = helper")


def test_patterns_columns_and_schemas_are_values(base: Path) -> None:
    plain = frame.script(told.of_run(begun_run(base, **RULES, reward_pattern="[a-z]").id))
    schema = '{"const": "\\"; import os", "maximum": 3, "type": ["null", "integer"]}'
    pattern = re.escape(HOSTILE)
    fields: dict[str, Any] = {"reward_pattern": pattern, "reward_column": HOSTILE[:200], "reward_schema": schema}
    hostile = frame.script(told.of_run(begun_run(base, **RULES, **fields).id))
    assert calls(plain) == calls(hostile)
    constants = values(hostile)
    assert constants["REWARD_PATTERN"] == pattern
    assert constants["RIGHT_ANSWER"] == HOSTILE[:200]
    assert constants["REWARD_SCHEMA"] == {"const": '"; import os', "maximum": 3, "type": ["null", "integer"]}
    assert "gives reward_schema a second" in hostile


def test_packages_that_rewards_need_are_pinned(base: Path) -> None:
    packages = frame.requirements_text(told.of_run(begun_run(base, **RULES, reward_pattern="a").id))
    assert "google-re2==" in packages
    assert "jsonschema==" in packages
    assert "re2" not in frame.requirements_text(told.of_run(begun_run(base, method="grpo", reward_funcs="length").id))


def test_a_pattern_that_re2_does_not_know_is_said_to_take_longer(base: Path) -> None:
    run = begun_run(base, method="rloo", reward_funcs="regex", reward_pattern="(?=a)")
    assert "gives reward_pattern a second" in frame.script(told.of_run(run.id))


def test_teacher_and_reward_model_are_named_by_path_and_not_to_visitors(base: Path) -> None:
    teaching: dict[str, Any] = {"method": "gkd"}
    judged: dict[str, Any] = {"method": "rloo", "reward_funcs": "reward_model", "reward_model_id": "x"}
    for name, fields in (("TEACHER", teaching), ("JUDGE", judged)):
        run = begun_run(base, **fields)
        respecified(run, companion={"path": "/models/asked", "adapter": "/runs/asked/adapter"})
        constants = values(frame.script(told.of_run(run.id)))
        assert (constants[name], constants[f"{name}_ADAPTER"]) == ("/models/asked", "/runs/asked/adapter")
        shown = frame.script(told.of_run(run.id, hides_paths=True))
        assert "/models" not in shown
        assert "/runs/asked" not in shown
        ast.parse(shown)


@pytest.mark.parametrize("method", ["sft", "cpt", "reward", "dpo", "grpo", "gkd"])
def test_evaluations_read_as_many_rows_as_in_the_run(method: str, base: Path) -> None:
    run = begun_run(base, {"eval_rows": 40}, method=method)
    assert "READ_ROWS" not in frame.script(told.of_run(run.id))
    newest = checkpoints.folder_of(home.run_folder(run.id)) / "checkpoint-9"
    newest.mkdir(parents=True)
    state = {"stateful_callbacks": {"EvaluationPace": {"args": {}, "attributes": {"rows": 10}}}}
    (newest / "trainer_state.json").write_text(json.dumps(state))
    checkpoints.write_manifest(newest, 9)
    text = frame.script(told.of_run(run.id))
    assert values(text)["READ_ROWS"] == 10
    assert "select(range(min(READ_ROWS, len(eval_rows))))" in text
