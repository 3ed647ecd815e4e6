"""A script is readable Python, whatever a run is called; what it cannot repeat it refuses, or says at its head."""

import ast
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy
import pytest
from packaging.requirements import Requirement

from engine.errors import ConflictError, RefusedError
from engine.recipes.choices.tunings import MOVED_STARTS, TUNINGS
from engine.recipes.methods import GENERATING, METHODS, REWARDS
from engine.rows.heldout import record
from engine.runs.script import frame, launching, settings, told
from engine.runs.script.told import Told
from storage import db, home
from storage.tables import Run
from tests.engine.runs.script.begun import FACTS, begun_run, respecified
from tests.engine.weights import model_folders

HOSTILE = 'x"""\'\'\'\\"; import os; os.abort() # \n\r\u2028\u202e{}%s</script><!-- \x00'
PEP_723 = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")  # as the PEP has it
ALLOWED = {"torch", "transformers", "trl", "peft", "datasets", "numpy", "pyarrow", "jinja2", *sys.stdlib_module_names}
OWN_REWARD = "def reward():\n    return 1"
ALLOWED |= {"re2", "jsonschema", "referencing"}  # for rewards


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return model_folders.make(tmp_path / "base")


def values(text: str) -> dict[str, Any]:
    """The constants at the head of a script."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper():
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return found


def test_names_and_paths_are_values_and_never_code(base: Path) -> None:
    run = begun_run(base, name=HOSTILE)
    respecified(run, dataset_path=f"/data/{HOSTILE}", model_path=f"{base}{HOSTILE}")
    asked = told.of_run(run.id)
    text = frame.script(asked)
    constants = values(text)
    assert constants["RUN"]["name"] == HOSTILE
    assert constants["DATA"] == f"/data/{HOSTILE}"
    assert constants["MODEL"] == f"{base}{HOSTILE}"
    assert calls(text) == calls(frame.script(told.of_run(begun_run(base).id)))
    notebook = json.loads(frame.notebook(asked))
    assert values(code_of(notebook)) == constants


def calls(text: str) -> list[str]:
    """Every call in the script, in order: what it does."""
    return [ast.unparse(node.func) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]


def code_of(notebook: dict[str, Any]) -> str:
    """The code of a notebook without the line that installs packages."""
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return "\n\n".join(cell for cell in cells if not cell.startswith("%"))


def test_every_script_is_whole_and_knows_nothing_of_the_studio(base: Path, tmp_path: Path) -> None:
    recipes: list[dict[str, Any]] = [{"method": method} for method in METHODS]
    recipes += [{"tuning": tuning} for tuning in TUNINGS]
    recipes += [{"loraplus_lr_ratio": 4.0}, {"tuning": "prompt", "prompt_tuning_init_text": "Say so:"}]
    recipes += [{"train_sampling_strategy": order} for order in ("random", "sequential")]
    judged: dict[str, Any] = {
        "reward_code": OWN_REWARD,
        "reward_model_id": "x",
        "reward_pattern": "(a)",
    }
    recipes += [{"method": "grpo", "reward_funcs": reward, **judged} for reward in REWARDS]
    recipes.append({"method": "rloo", "reward_funcs": "exact_match, regex", "reward_pattern": "(a)"})
    (tmp_path / "scripts").mkdir()
    packed: list[dict[str, Any]] = [{"packing": True}, {"packing": True, "attention": "flash_attention_2"}]
    kinds = [*(({}, fields) for fields in recipes), *((facts, {}) for facts in packed)]
    for number, (facts, fields) in enumerate(kinds):
        text = frame.script(told.of_run(begun_run(base, facts, **fields).id))
        (tmp_path / "scripts" / f"{number}.py").write_text(text, encoding="utf-8")
        assert imported(text) <= ALLOWED, fields
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F,E9,E501", "--line-length", "120"]
    checked = subprocess.run([*command, str(tmp_path / "scripts")], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout[-3000:]


def imported(text: str) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def test_packages_are_pinned_at_the_head_as_the_run_had_them(base: Path) -> None:
    run = told.of_run(begun_run(base, optim="adamw_8bit").id)
    (match,) = PEP_723.finditer(frame.script(run))
    content = "".join(line[2:] if line.startswith("# ") else line[1:] for line in match["content"].splitlines(True))
    head = tomllib.loads(content)
    assert head["requires-python"] == ">=3.11"
    assert {"torch==2.13.0", "transformers==5.20.1", "trl==1.16.0", "peft==0.21.2"} <= set(head["dependencies"])
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][A-Za-z0-9.]*", line) for line in head["dependencies"])
    assert any(line.startswith("bitsandbytes==") for line in head["dependencies"])
    assert frame.requirements_text(run).split() == head["dependencies"]


def test_versions_that_are_pinned_go_together(base: Path) -> None:
    """As pip would find when it resolves them, by what each package says it needs: the versions of this machine."""
    here = {name: metadata.version(name) for name in ("torch", "transformers", "trl", "peft")}
    judged: dict[str, Any] = {"reward_pattern": "a", "reward_code": OWN_REWARD, "reward_model_id": "x"}
    for method in METHODS:
        recipe = judged | {"reward_funcs": ", ".join(REWARDS)} if method in GENERATING else {}
        text = frame.requirements_text(told.of_run(begun_run(base, here, method=method, **recipe).id))
        pinned = {line.partition("==")[0]: line.partition("==")[2] for line in text.splitlines()}
        known = [(name, need) for name in pinned for need in needs_of(name) if need.name in pinned]
        assert all(pinned.values())
        assert len(known) > 10
        assert [both for both in known if not both[1].specifier.contains(pinned[both[1].name], prereleases=True)] == []


@cache
def needs_of(name: str) -> list[Requirement]:
    """What a package says it needs here, without extras."""
    needs = [Requirement(need) for need in metadata.requires(name) or ()]
    return [need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]


def test_a_notebook_is_one_cell_a_part_with_the_same_code(base: Path) -> None:
    for method in METHODS:
        is_the_same_notebook(told.of_run(begun_run(base, method=method).id))


def is_the_same_notebook(run: Told) -> None:
    notebook = json.loads(frame.notebook(run))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", cell["id"]) for cell in notebook["cells"])
    for cell in notebook["cells"]:
        needed = {"id", "cell_type", "metadata", "source"}
        assert set(cell) == needed | ({"outputs", "execution_count"} if cell["cell_type"] == "code" else set())
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and not cell["source"][0].startswith("%"):
            compile("".join(cell["source"]), cell["id"], "exec")  # each by itself, as a notebook runs them
    assert ast.dump(ast.parse(code_of(notebook))) == ast.dump(ast.parse(frame.script(run)))


def test_the_runs_tokens_are_known_by_a_fingerprint(base: Path) -> None:
    run = begun_run(base)
    tokens = told.of_run(run.id).tokens
    assert tokens is not None
    rows = [([1, 2, 3], [-100, 2, 3]), ([4], [4]), ([5, 6], [5, 6])]
    stream = b"".join(numpy.array(side, "<i4").tobytes() for row in rows for side in row)
    assert (tokens.rows, tokens.hashed, tokens.columns) == (3, 3, ("input_ids", "labels"))
    assert tokens.sha256 == hashlib.sha256(stream).hexdigest()
    shutil.rmtree(home.run_folder(run.id) / "rows")
    assert "cannot check" in frame.script(told.of_run(run.id))


@pytest.mark.parametrize("fields", [{"optim": "muon"}, *({"init_lora_weights": start} for start in MOVED_STARTS)])
def test_what_plain_libraries_cannot_repeat_is_refused(fields: dict[str, Any], base: Path) -> None:
    tuning: dict[str, Any] = {"tuning": "qlora"} if fields.get("init_lora_weights") == "loftq" else {}
    with pytest.raises(RefusedError, match=next(iter(fields.values()))):
        frame.script(told.of_run(begun_run(base, **fields, **tuning).id))


def test_a_run_that_has_not_begun_or_kept_no_list_of_rows_has_no_script(base: Path) -> None:
    with pytest.raises(ConflictError, match="has not begun"):
        told.of_run(begun_run(base, {"dtype": None}).id)
    run = begun_run(base)
    (home.run_folder(run.id) / record.FILE).unlink()
    with pytest.raises(ConflictError, match="the rows it held out"):
        told.of_run(run.id)
    (home.run_folder(run.id) / "spec.json").write_text("{")
    with pytest.raises(ConflictError, match=r"spec\.json"):
        told.of_run(run.id)


def test_the_head_says_what_may_differ(base: Path) -> None:
    head = head_of(begun_run(base, tuning="full"))
    assert "within 1 %" in head
    assert "to the last digit" not in head
    head = head_of(begun_run(base, {"fast_loss": False}, tuning="full"))
    assert "to the last digit" in head
    head = head_of(begun_run(base, {"adjustments": {"per_device_train_batch_size": 2}, "resumed_from_step": 3}))
    assert "per_device_train_batch_size 2" in head
    assert "resumed" in head
    run = begun_run(base)
    run.step, run.max_steps = 4, 9
    head = head_of(run)
    assert "ended at step 4" in head


def head_of(run: Run) -> str:
    """The comments at a script's head as one line."""
    with db.session() as session:
        session.merge(run)
    text = frame.script(told.of_run(run.id))
    return " ".join(line.removeprefix("# ") for line in text.partition("\n\n\n")[0].splitlines())


def test_a_visitor_sees_no_folder_of_this_machine(base: Path) -> None:
    run = told.of_run(begun_run(base).id, hides_paths=True)
    assert str(base.parent) not in frame.script(run)
    assert launching.cloud_task_or_reason(run)[0] == ""


def test_several_processes_are_started_by_torchrun_and_accelerate(base: Path) -> None:
    run = told.of_run(begun_run(base, {"processes": 2, "strategy": "ddp"}, strategy="ddp", num_processes=2).id)
    (command,) = launching.commands(run, "a.py")
    assert command.text.startswith("torchrun --nproc-per-node 2 --nnodes 1 ")
    assert command.text.endswith(" a.py")
    facts = {"processes": 2, "strategy": "ddp", "device": "NVIDIA H200"}
    run = told.of_run(begun_run(base, facts, strategy="ddp", num_processes=2).id)
    assert [command.title for command in launching.commands(run, "a.py")] == ["torchrun", "accelerate"]
    assert "--multi_gpu" in launching.commands(run, "a.py")[1].text
    plain = launching.commands(told.of_run(begun_run(base).id), "a.py")
    assert [command.title for command in plain] == ["uv", "python", "accelerate"]


def test_the_settings_are_those_the_studios_trainer_gets(base: Path) -> None:
    run = told.of_run(begun_run(base, warmup_ratio=0.1, neftune_noise_alpha=5.0, lr_scheduler_type="cosine").id)
    arguments = settings.training(run)
    assert (arguments["warmup_steps"], arguments["neftune_noise_alpha"]) == (0.1, 5.0)
    assert arguments["use_cpu"] is (FACTS["device"] == "cpu")


def test_thousands_of_held_out_rows_are_lines_of_numbers(base: Path) -> None:
    many = tuple(range(1, 20_000, 2))
    text = frame.script(replace(told.of_run(begun_run(base).id), eval_rows=many))
    assert values(text)["EVAL_ROWS"] == list(many)
    assert max(map(len, text.splitlines())) <= 120


def test_a_run_on_a_gpu_shows_its_script_one_gpu_and_sets_no_threads(base: Path) -> None:
    text = frame.script(told.of_run(begun_run(base, {"device": "NVIDIA H200", "dtype": "bfloat16"}).id))
    assert 'os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")' in text
    assert "THREADS" not in values(text)
    assert values(text)["TRAINING"]["use_cpu"] is False
