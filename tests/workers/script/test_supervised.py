"""A run's script, on plain TRL, trains as the run did: step by step the same losses."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.runs.script import frame
from engine.runs.script.told import Told
from tests.workers.script.scripts import Points, compare, played, script_in, trained
from tests.workers.train.judged import pairs, store_rows
from tests.workers.train.training_runs import chat, finish, spec, steps, sums, write_rows

NEAR = 0.01  # of each step's loss, where the studio computes faster
EXACT = 0.0
EVALUATED: dict[str, Any] = {"eval_fraction": 0.2, "eval_steps": 2}
NOISY = {"lora_dropout": 0.1, "neftune_noise_alpha": 5.0, "use_dora": True}
SCHEDULED = {"warmup_steps": 2, "lr_scheduler_type": "cosine", "weight_decay": 0.01, "num_train_epochs": 2}
ACCUMULATED = {"gradient_accumulation_steps": 2, "per_device_train_batch_size": 2, "max_steps": -1}
PACKED = {"packing": True, "max_length": 64, "per_device_train_batch_size": 1}


def conversations(count: int) -> list[list[dict[str, str]]]:
    """Chats of four and six turns."""
    return [
        chat(*(f"Is {n} odd?" if turn % 2 == 0 else f"{n + turn}." * (1 + n % 3) for turn in range(4 + 2 * (n % 2))))
        for n in range(count)
    ]


def texts(count: int) -> list[str]:
    return [f"The quick brown fox {n} jumps. " * (1 + n % 4) for n in range(count)]


def questions(count: int) -> list[tuple[str, str]]:
    return [(f"What is {n}? " * (1 + n % 3), f"{n + n}." if n % 5 else "") for n in range(count)]


ROWS: dict[str, Any] = {"chat": conversations, "completion": questions, "text": texts}


def both(model: Path, folder: Path, kind: str = "chat", **recipe: Any) -> tuple[Told, Points, Points]:
    """What is told of a short run, its numbers, and those of its script."""
    values = spec(model, write_rows(folder, kind, ROWS[kind](24)), kind, **recipe)
    told, ours = trained(values, folder / "out")
    return told, ours, played(script_in(told, folder / "script"), folder / "script")


@pytest.mark.timeout(900)  # two interpreters import torch and TRL from nothing
def test_a_script_trains_by_itself_as_the_studio_does(tiny_model: Path, tmp_path: Path) -> None:
    values = spec(tiny_model, write_rows(tmp_path, "chat", sums(24)), **EVALUATED)
    told, ours = trained(values, tmp_path / "out")
    text = script_in(told, tmp_path / "script")
    assert "within 1 %" in text
    compare(ours, played(text, tmp_path / "script", fresh=True), NEAR)
    assert (tmp_path / "script" / "trained" / "adapter_model.safetensors").exists()


@pytest.mark.parametrize(
    ("kind", "recipe"),
    [
        ("chat", {**NOISY, **SCHEDULED, **ACCUMULATED, **EVALUATED, "tuning": "lora"}),
        ("chat", {**PACKED, "tuning": "full"}),
        ("completion", {"tuning": "freeze", "freeze_trainable_layers": 1, "train_sampling_strategy": "random"}),
        ("text", {"method": "cpt", "tuning": "full", "gradient_checkpointing": True}),
        ("chat", {"tuning": "full", "assistant_only_loss": False, "train_sampling_strategy": "sequential"}),
        ("chat", {"tuning": "prompt", "num_virtual_tokens": 4, "prompt_tuning_init_text": "the fox"}),
    ],
)
def test_where_the_studio_computes_as_trl_does_losses_agree_to_the_last_digit(
    kind: str, recipe: dict[str, Any], scaled_model: Path, tmp_path: Path
) -> None:
    told, ours, theirs = both(scaled_model, tmp_path, kind, bf16=False, **recipe)
    assert told.facts.fast_loss is False
    assert told.facts.packing == recipe.get("packing", False)
    assert "to the last digit" in frame.script(told)
    compare(ours, theirs, EXACT)


@pytest.mark.parametrize(
    ("kind", "recipe"),
    [
        ("chat", PACKED),
        ("completion", {"loraplus_lr_ratio": 4.0, "bf16": False, "logging_steps": 3, "save_steps": 2}),
        ("text", {"method": "cpt", "tuning": "qlora"}),
        ("chat", {"optim": "schedule_free_adamw", "lr_scheduler_type": "constant", "tuning": "full"}),
    ],
)
def test_where_the_studio_is_faster_each_loss_is_near(
    kind: str, recipe: dict[str, Any], tiny_model: Path, tmp_path: Path
) -> None:
    told, ours, theirs = both(tiny_model, tmp_path, kind, **recipe)
    assert told.facts.fast_loss is True
    compare(ours, theirs, NEAR)


@pytest.mark.parametrize("recipe", [{"tuning": "full", **EVALUATED, "center_rewards_coefficient": 0.01}, {}])
def test_a_reward_model_is_trained_by_its_script(recipe: dict[str, Any], tiny_model: Path, tmp_path: Path) -> None:
    near = EXACT if recipe else NEAR
    rows = store_rows(tmp_path, "preference", pairs(24))
    told, ours = trained(spec(tiny_model, rows, "preference", method="reward", bf16=False, **recipe), tmp_path / "out")
    compare(ours, played(script_in(told, tmp_path / "script"), tmp_path / "script"), near)


def test_the_notebooks_cells_train_the_same_from_an_export(scaled_model: Path, tmp_path: Path) -> None:
    chats: list[Any] = conversations(24)
    chats[3][1]["train"] = False  # context only
    values = spec(scaled_model, store_rows(tmp_path, "chat", [{"messages": messages} for messages in chats]))
    values["recipe"] |= {"bf16": False, "tuning": "full"}
    told, ours = trained(values, tmp_path / "out")
    export = tmp_path / "rows.jsonl"
    export.write_text("".join(json.dumps({"messages": messages}) + "\n" for messages in chats))
    notebook = json.loads(frame.notebook(told))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    code = "\n".join(cell for cell in cells if not cell.startswith("%pip install "))
    moved = (
        f"DATA = {str(export)!r}\nOUTPUT = {str(tmp_path / 'notebook' / 'trained')!r}\nTRAINING['output_dir'] = OUTPUT"
    )
    first, last = code.split("torch.set_num_threads", 1)
    compare(ours, played(f"{first}\n{moved}\ntorch.set_num_threads{last}", tmp_path / "notebook"), EXACT)


def test_rows_that_are_not_the_runs_end_the_script_before_it_trains(scaled_model: Path, tmp_path: Path) -> None:
    values = spec(scaled_model, write_rows(tmp_path, "text", texts(24)), "text", method="cpt", max_steps=1)
    values["recipe"] |= {"tuning": "full", "bf16": False}
    told, ours = trained(values, tmp_path / "out")
    write_rows(tmp_path, "text", [*texts(23), "Another row."])
    text = script_in(told, tmp_path / "script")
    with pytest.raises(AssertionError, match="These are not the run's tokens"):
        played(text, tmp_path / "script")
    assert not (tmp_path / "script" / "trained" / "losses.jsonl").exists()
    (file,) = [file for file in (tmp_path / "out" / "rows").glob("*.arrow") if file.with_suffix(".json").exists()]
    given = script_in(told, tmp_path / "given").replace("TOKEN_ROWS = None", f"TOKEN_ROWS = {str(file)!r}")
    compare(ours, played(given, tmp_path / "given"), EXACT)


def test_a_resumed_run_and_one_that_went_on_from_another_are_repeated(scaled_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", conversations(24))
    fields: dict[str, Any] = {"bf16": False, "lora_dropout": 0.1, "max_steps": 6, "save_steps": 3}
    first = finish(spec(scaled_model, rows, **fields), tmp_path / "out")
    checkpoint = tmp_path / "out" / "checkpoints" / "checkpoint-3"
    told, resumed = trained(spec(scaled_model, rows, resume_from=checkpoint, **fields), tmp_path / "out")
    assert told.facts.resumed_from_step == 3
    theirs = played(script_in(told, tmp_path / "script"), tmp_path / "script")
    compare(steps(first), theirs, EXACT)
    compare(resumed, theirs, EXACT)
    further = spec(scaled_model, rows, **fields, learning_rate=1e-3, start_from="first")
    further["adapter_path"] = str(tmp_path / "out" / "adapter")
    told, ours = trained(further, tmp_path / "further")
    compare(ours, played(script_in(told, tmp_path / "again"), tmp_path / "again"), EXACT)
