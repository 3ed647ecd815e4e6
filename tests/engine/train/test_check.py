"""Impossible recipes are refused before they start, in words that name the field, the value and the remedy."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.errors import RefusedError
from engine.process import devices, machine
from engine.recipes.recipe import Recipe
from engine.recipes.steps import total_steps
from engine.train import check
from engine.train.rules.problem import Problem
from storage.statuses import DatasetStatus, ModelStatus
from storage.tables import Dataset, Model
from tests.engine.weights import model_folders
from tests.engine.weights.model_folders import PARAMETERS


class Case(NamedTuple):
    """A recipe, a model and a dataset that go together, for a test to spoil."""

    model: Model
    dataset: Dataset

    def check(self, **fields: Any) -> list[Problem]:
        usual = {"model_id": self.model.id, "dataset_id": self.dataset.id, "max_length": 128}
        return check.check(Recipe(**{**usual, **fields}), self.model, self.dataset)

    def one(self, **fields: Any) -> Problem:
        """The one problem of that recipe."""
        problems = self.check(**fields)
        assert len(problems) == 1, problems
        return problems[0]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    path = str(model_folders.make(tmp_path / "m"))
    facts: dict[str, Any] = {
        "status": ModelStatus.READY,
        "context_length": 128,
        "has_chat_template": True,
        "trainable": True,
    }
    model = Model(source="path", source_id=path, name="tiny", path=path, parameters=PARAMETERS, **facts)
    rows: dict[str, Any] = {
        "status": DatasetStatus.READY,
        "kind": "chat",
        "rows": 100,
        "accepted": 100,
        "size_bytes": 10_000,
    }
    return Case(model, Dataset(project_id="default", name="jokes", **rows))


def test_a_good_recipe_has_no_problem_and_is_checked_in_a_moment(case: Case) -> None:
    assert case.check() == []
    begin = time.process_time()
    case.check()
    assert time.process_time() - begin < 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": ModelStatus.QUEUED}, "still being fetched"),
        ({"status": ModelStatus.FAILED}, "download of the model"),
        ({"path": "/no/such/folder"}, "/no/such/folder"),
        ({"path": None}, "is gone"),
        ({"trainable": False, "untrainable_reason": "It has GGUF weights only."}, "It has GGUF weights only."),
        ({"trainable": False}, "cannot be trained"),
    ],
)
def test_a_model_that_is_not_ready_to_be_trained_is_refused(case: Case, fields: dict[str, Any], words: str) -> None:
    case.model.sqlmodel_update(fields)
    problem = case.one()
    assert (problem.field, problem.level) == ("model_id", "error")
    assert words in problem.message
    assert problem.hint


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": DatasetStatus.IMPORTING}, "still being imported"),
        ({"status": DatasetStatus.NEEDS_MAPPING}, "unknown columns"),
        ({"status": DatasetStatus.FAILED}, "could not be imported"),
        ({"accepted": 0}, "no usable row"),
    ],
)
def test_a_dataset_that_is_not_ready_is_refused(case: Case, fields: dict[str, Any], words: str) -> None:
    case.dataset.sqlmodel_update(fields)
    problem = case.one()
    assert (problem.field, problem.level) == ("dataset_id", "error")
    assert words in problem.message
    assert "jokes" in problem.message
    assert problem.hint


@pytest.mark.parametrize(
    ("method", "kind", "remedy"),
    [
        ("sft", "text", "Choose the method cpt"),
        ("cpt", "chat", "Choose the method sft"),
        ("cpt", "completion", "Choose the method sft"),
        ("sft", "preference", "Choose the method dpo or orpo or"),
        ("dpo", "unpaired", "Choose the method kto, or"),
        ("kto", "prompt", "Choose the method grpo or rloo,"),
        ("dpo", "completion", "Choose the method sft or grpo or rloo or gkd,"),
        ("sft", "stepwise", "Choose another dataset"),
        ("sft", None, "Choose another dataset"),
    ],
)
def test_a_method_is_refused_rows_it_does_not_learn_from(
    case: Case, method: str, kind: str | None, remedy: str
) -> None:
    case.dataset.kind = kind
    problem = case.one(method=method)
    assert (problem.field, problem.level) == ("method", "error")
    assert f"jokes has {kind or 'unknown'} rows" in problem.message
    assert problem.hint.startswith(remedy)


def test_chats_need_a_chat_template_and_completions_do_not(case: Case) -> None:
    case.model.has_chat_template = False
    assert "no chat template" in case.one().message
    case.dataset.kind = "completion"
    assert case.check() == []


def test_text_is_learnt_by_cpt(case: Case) -> None:
    case.dataset.kind, case.model.has_chat_template = "text", False
    assert case.check(method="cpt") == []


def test_rows_are_cut_at_the_models_context_and_that_is_said(case: Case) -> None:
    problem = case.one(max_length=129)
    assert (problem.field, problem.level, problem.hint) == ("max_length", "warning", "Use 128 or less.")
    assert "129" in problem.message


def test_zero_steps_train_nothing(case: Case) -> None:
    problem = case.one(max_steps=0, warmup_steps=5)
    assert (problem.field, problem.level) == ("max_steps", "error")
    assert "-1" in problem.hint


def test_a_warm_up_as_long_as_the_training_is_refused(case: Case) -> None:
    assert case.check(warmup_steps=24) == []
    problem = case.one(warmup_steps=25)
    assert (problem.field, problem.level) == ("warmup_steps", "error")
    assert "25 steps" in problem.message
    assert case.one(max_steps=10, warmup_steps=10).hint.startswith("Use 1,")
    assert case.check(max_steps=200, warmup_steps=25) == []


@pytest.mark.parametrize(
    ("fields", "steps"),
    [
        ({}, 25),
        ({"max_steps": 7}, 7),
        ({"num_train_epochs": 2.5}, 63),
        ({"gradient_accumulation_steps": 4}, 7),
        ({"eval_fraction": 0.1}, 23),
        ({"packing": True, "train_sampling_strategy": "random"}, None),
    ],
)
def test_the_steps_of_a_training_are_counted_as_the_trainer_does(fields: dict[str, Any], steps: int | None) -> None:
    assert total_steps(Recipe(model_id="m", dataset_id="d", **fields), 100) == steps


def test_a_held_out_share_without_a_row_is_refused(case: Case) -> None:
    problem = case.one(eval_fraction=0.009)
    assert (problem.field, problem.level) == ("eval_fraction", "error")
    assert problem.hint.startswith("Use at least 0.01,")
    assert case.check(eval_fraction=0.01) == []
    case.dataset.accepted = 1
    hints = {problem.field: problem.hint for problem in case.check(eval_fraction=0.5)}
    assert hints["eval_fraction"] == "Use 0: one row cannot be divided."


def test_the_best_of_rows_that_nobody_holds_out_is_refused_with_a_share_that_works(case: Case) -> None:
    problem = case.one(load_best_model_at_end=True)
    assert (problem.field, problem.level) == ("eval_fraction", "error")
    assert "of 100 rows none are held out" in problem.message
    assert case.check(load_best_model_at_end=True, **problem.instead) == []
    assert case.one(lr_scheduler_type="reduce_lr_on_plateau").message.startswith("lr_scheduler_type")
    case.dataset.accepted = 200
    assert case.check(load_best_model_at_end=True) == []


def test_a_batch_of_more_rows_than_there_are_is_a_warning(case: Case) -> None:
    problem = case.one(per_device_train_batch_size=91, eval_fraction=0.1)
    assert (problem.field, problem.level) == ("per_device_train_batch_size", "warning")
    assert "only 90 rows" in problem.message


@pytest.fixture
def small_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """603 MB of memory can be used, 600 MB of which every training needs for itself."""
    limit = tmp_path / "memory.max"
    limit.write_text("670000000\n")
    monkeypatch.setattr("engine.process.meter.container.LIMIT", limit)


def test_a_training_that_cannot_fit_is_refused_with_what_needs_the_memory_and_ways_out(
    case: Case, small_machine: None
) -> None:
    case.model.parameters = 10_000_000
    problem = case.one(tuning="full", learning_rate=1e-4, gradient_checkpointing=False)
    assert (problem.field, problem.level) == ("tuning", "error")
    assert "overhead 600 MB" in problem.message
    assert "603 MB can be used" in problem.message
    for option in ("tuning lora", "tuning qlora", "per_device_train_batch_size below 4", "gradient_checkpointing"):
        assert option in problem.hint


def test_when_nothing_is_left_to_save_a_smaller_model_is_the_way_out(case: Case, small_machine: None) -> None:
    case.model.parameters = 10_000_000
    least = {"tuning": "qlora", "per_device_train_batch_size": 1, "max_length": 64, "gradient_checkpointing": True}
    assert case.one(**least).hint == "Use a smaller model."


def test_rows_of_the_longest_kind_that_would_not_fit_are_a_warning(case: Case, small_machine: None) -> None:
    case.model.context_length = None
    problem = case.one(max_length=4096)
    assert (problem.field, problem.level) == ("max_length", "warning")
    assert "rows of 4096 tokens" in problem.message


def test_packed_rows_are_all_of_the_longest_kind(case: Case, small_machine: None) -> None:
    case.model.context_length = None
    problems = case.check(max_length=4096, packing=True, train_sampling_strategy="random")
    assert problems[0].field == "tuning"
    assert problems[0].level == "error"


def test_four_bits_need_bitsandbytes(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    assert case.check(tuning="qlora", optim="adamw_8bit") == []
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)  # what the import system takes for "not there"
    assert [problem.field for problem in case.check(tuning="qlora", optim="adamw_8bit")] == ["tuning", "optim"]
    assert case.check() == []


@pytest.mark.parametrize(
    ("names", "missing_names"), [("q_proj,w_proj", "w_proj"), ("lm_head", "lm_head"), (" , ", "nothing")]
)
def test_layers_that_the_model_does_not_have_are_refused(case: Case, names: str, missing_names: str) -> None:
    problem = case.one(target_modules=names)
    assert (problem.field, problem.level) == ("target_modules", "error")
    assert f"names {missing_names}," in problem.message
    assert "q_proj, up_proj" in problem.hint


@pytest.mark.parametrize("names", ["q_proj", "self_attn.q_proj, up_proj", " all-linear "])
def test_layers_that_the_model_has_are_not(case: Case, names: str) -> None:
    assert case.check(target_modules=names) == []
    assert case.check(target_modules="anything", tuning="full", learning_rate=1e-5) == []


@pytest.mark.parametrize(
    ("tuning", "rate", "word"),
    [("lora", 0.1, "high"), ("qlora", 1e-8, "low"), ("full", 2e-3, "high"), ("full", 1e-8, "low")],
)
def test_an_unusual_learning_rate_is_a_warning(case: Case, tuning: str, rate: float, word: str) -> None:
    problem = case.one(tuning=tuning, learning_rate=rate)
    assert (problem.field, problem.level) == ("learning_rate", "warning")
    assert f"unusually {word}" in problem.message


@pytest.mark.parametrize(("free", "level"), [(10_000_000, "error"), (30_000_000, "warning")])
def test_checkpoints_that_will_not_fit_on_the_disk_are_forecast(
    case: Case, monkeypatch: pytest.MonkeyPatch, free: int, level: str
) -> None:
    usage = shutil.disk_usage("/")._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    problem = case.one()
    assert (problem.field, problem.level) == ("save_total_limit", level)


@pytest.fixture(params=["cpu", "gpu:0"])
def old_device(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A machine whose only device has no bfloat16: a CPU, then a GPU that a fake nvidia-smi tells of."""
    (tmp_path / "cpuinfo").write_text("flags : fpu avx2\n")
    monkeypatch.setattr(machine, "CPU_FACTS", tmp_path / "cpuinfo")
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\ncase $1 in *uuid*) echo '0, GPU-1';; *) echo '0, 16384, 7.5';; esac\n")
    tool.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    cuda = "2.13.0" if request.param == "gpu:0" else "2.13.0+cpu"
    monkeypatch.setattr("importlib.metadata.version", lambda _package: cuda)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "inventory", devices.Inventory(devices.inventory._ask))
    monkeypatch.setattr(machine, "specifications", devices.Inventory(machine._ask_driver))
    machine._cpu_has_bf16.cache_clear()
    yield request.param
    machine._cpu_has_bf16.cache_clear()


def test_packing_is_a_warning_on_a_cpu_alone(case: Case, old_device: str) -> None:
    fields = [problem.field for problem in case.check(packing=True, train_sampling_strategy="random")]
    assert fields == (["packing"] if old_device == "cpu" else [])


def test_bfloat16_that_the_device_lacks_is_refused_on_a_gpu_and_slow_on_a_cpu(case: Case, old_device: str) -> None:
    problem = case.one(bf16=True)
    assert (problem.field, problem.level) == ("bf16", "warning" if old_device == "cpu" else "error")
    assert case.check(bf16=False) == []


def test_errors_come_before_warnings(case: Case) -> None:
    levels = [problem.level for problem in case.check(max_length=500, max_steps=0, learning_rate=0.5)]
    assert levels == ["error", "warning", "warning"]


def test_refusing_says_everything_that_is_wrong_and_lets_warnings_pass(case: Case) -> None:
    check.refuse([])
    check.refuse(case.check(learning_rate=0.5))
    with pytest.raises(RefusedError) as caught:
        check.refuse(case.check(max_steps=0, target_modules="w_proj", learning_rate=0.5))
    assert len(caught.value.message.splitlines()) == 2
    assert "learning_rate" not in str(caught.value)
    assert caught.value.status == 422


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("attn_implementation", "flash_attention_2"),
        ("attn_implementation", "flash_attention_3"),
        ("use_liger_kernel", True),
    ],
)
def test_what_needs_a_gpu_is_refused_without_one(
    field: str, value: Any, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "inventory", devices.Inventory(lambda: ()))
    problem = case.one(**{field: value})
    assert (problem.field, problem.level) == (field, "error")
    assert "GPU" in problem.message
    assert f"Leave {field} empty" in problem.hint


def test_compiling_needs_a_compiler(case: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "C++ compiler" in case.one(torch_compile=True).message
    (tmp_path / "c++").touch(mode=0o755)
    assert case.check(torch_compile=True) == []


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"tuning": "boft", "boft_block_size": 3}, "boft_block_size", "Blocks of 3 do not divide the 8 inputs"),
        ({"tuning": "freeze", "freeze_trainable_layers": 99}, "freeze_trainable_layers", "has 1 layers"),
    ],
)
def test_a_size_that_the_model_does_not_have_is_refused(
    case: Case, fields: dict[str, Any], field: str, words: str
) -> None:
    problem = case.check(learning_rate=2e-4, **fields)[0]
    assert (problem.field, problem.level) == (field, "error")
    assert words in problem.message


@pytest.mark.skipif(machine.has_gpu(), reason="there is a GPU")
def test_what_only_a_gpu_computes_is_refused_on_a_cpu(case: Case) -> None:
    assert case.one(optim="ademamix").hint == "Use ademamix_8bit, which does."
    mixed = case.check(tuning="boft", boft_n_butterfly_factor=2, learning_rate=2e-4)[0]
    assert (mixed.field, mixed.level) == ("boft_n_butterfly_factor", "error")


def test_an_optimiser_whose_library_is_missing_is_refused(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "schedulefree", None)
    problem = case.one(optim="schedule_free_sgd", lr_scheduler_type="constant")
    assert problem.field == "optim"
    assert "pip install schedulefree" in problem.hint


FUNCTION: dict[str, Any] = {
    "method": "grpo",
    "max_completion_length": 32,
    "reward_funcs": "python",
    "reward_code": "def reward(completion):\n    return 1",
}


@pytest.mark.usefixtures("no_sandbox")
def test_a_reward_function_that_nothing_would_hold_back_is_refused_before_the_start(case: Case) -> None:
    problems = [problem for problem in case.check(**FUNCTION) if problem.field == "reward_funcs"]
    (problem,) = problems
    assert problem.level == "error"
    assert "no sandbox to run in on this machine (bubblewrap: it is not installed)" in problem.message
    assert "bubblewrap" in problem.hint
    assert not [
        problem for problem in case.check(**FUNCTION | {"reward_funcs": "length"}) if "sandbox" in problem.message
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="code is run on Linux only")
def test_a_reward_function_with_a_sandbox_is_not(case: Case) -> None:
    assert not [problem for problem in case.check(**FUNCTION) if problem.field == "reward_funcs"]
