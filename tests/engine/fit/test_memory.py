"""The memory estimate: its parts add up, follow the recipe, and know this machine's limits."""

from pathlib import Path
from typing import Any

import pytest

from engine.fit import memory
from engine.process import devices, machine
from engine.recipes.recipe import Recipe
from engine.weights.inspection import inspect
from storage.tables import Model
from tests.engine.weights import model_folders
from tests.engine.weights.model_folders import PARAMETERS


@pytest.fixture
def model(tmp_path: Path) -> Model:
    path = model_folders.make(tmp_path / "m")
    return Model(source="path", source_id=str(path), name="m", path=str(path), parameters=PARAMETERS)


def recipe(**fields: Any) -> Recipe:
    return Recipe(**{"model_id": "m", "dataset_id": "d", "bf16": False, "max_length": 16, **fields})


def test_full_tuning_keeps_weights_gradients_and_two_moments_of_every_parameter(model: Model) -> None:
    needed = memory.memory(model, recipe(tuning="full", per_device_train_batch_size=2))
    assert (needed.weights, needed.gradients, needed.optimiser) == (4 * PARAMETERS, 4 * PARAMETERS, 8 * PARAMETERS)
    assert needed.activations == 2 * 16 * 1 * (12 * 8 + 4 * 16) * 4
    assert needed.logits == 12 * 2 * 16 * 32
    assert needed.total == 16 * PARAMETERS + needed.activations + needed.logits + memory.OVERHEAD_BYTES
    assert memory.training_bytes(model, recipe(tuning="full", per_device_train_batch_size=2)) == needed.total


def test_lora_trains_a_pair_on_each_linear_layer_and_not_on_the_embeddings(model: Model) -> None:
    inspection = inspect(Path(model.path or ""))
    assert set(memory.linear_layers(inspection)) == {"model.layers.0.self_attn.q_proj", "model.layers.0.mlp.up_proj"}
    assert memory.trained_parameters(inspection, recipe(lora_r=4), PARAMETERS) == 4 * ((8 + 8) + (16 + 8))
    assert (
        memory.trained_parameters(inspection, recipe(lora_r=4, target_modules="q_proj, k_proj"), PARAMETERS) == 4 * 16
    )


def test_qlora_holds_linear_weights_in_four_bits_and_the_others_in_sixteen(model: Model) -> None:
    linear = 64 + 128
    assert memory.memory(model, recipe(tuning="qlora")).weights == int(linear * 0.5625) + 2 * (PARAMETERS - linear)


@pytest.mark.parametrize(
    "less",
    [
        {"bf16": True},
        {"gradient_checkpointing": True},
        {"max_length": 8},
        {"per_device_train_batch_size": 1},
        {"optim": "adamw_8bit"},
        {"lora_r": 1},
    ],
)
def test_what_is_said_to_save_memory_does(less: dict[str, Any], tiny_model: Path) -> None:
    parameters = inspect(tiny_model).parameters
    model = Model(source="path", source_id="", name="tiny", path=str(tiny_model), parameters=parameters)
    usual = memory.training_bytes(model, recipe(max_length=512))
    assert memory.training_bytes(model, recipe(**{"max_length": 512, **less})) < usual


def test_rows_shorter_than_the_maximum_need_less_and_longer_ones_are_cut(model: Model) -> None:
    assert memory.training_bytes(model, recipe(), row_tokens=4) < memory.training_bytes(model, recipe())
    assert memory.training_bytes(model, recipe(), row_tokens=4000) == memory.training_bytes(model, recipe())


def test_a_model_without_files_is_judged_by_its_row() -> None:
    model = Model(source="hub", source_id="a/b", name="a/b", parameters=1000)
    assert memory.memory(model, recipe(tuning="full")).weights == 4000
    assert memory.checkpoint_bytes(model, recipe(tuning="full")) == 12_000 + 10_000_000


def test_a_model_is_looked_at_again_when_its_folder_changes(model: Model) -> None:
    assert memory.inspect_cached(model.path or "").trainable
    (Path(model.path or "") / "tokenizer.json").unlink()
    folder = Path(model.path or "")
    (folder / "adapter_config.json").write_text("{}")
    assert not memory.inspect_cached(model.path or "").trainable
    assert memory.inspect_cached("/no/such/folder").reasons


def test_memory_is_told_in_words() -> None:
    assert str(memory.Memory(10**9, 0, 0, 2 * 10**6, 0)) == "weights 1 GB, activations 2 MB, overhead 600 MB"


def test_a_containers_limit_counts_when_it_is_below_the_machines_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machines = machine.memory_bytes()
    monkeypatch.setattr("engine.process.meter.container.LIMIT", tmp_path / "memory.max")
    assert machine.memory_bytes() >= machines
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.memory_bytes() >= machines
    (tmp_path / "memory.max").write_text("1000000000\n")
    assert memory.available_bytes() == 900_000_000


def test_with_gpus_the_smallest_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(machine, "specifications", devices.Inventory(lambda: ("0, 81559, 9.0", "1, 24576, 7.5")))
    monkeypatch.setattr(devices, "inventory", devices.Inventory(lambda: ("0, GPU-a", "1, GPU-b")))
    assert machine.memory_bytes() == 24576 << 20
    assert not machine.computes_bf16()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert machine.memory_bytes() == 81559 << 20
    assert machine.computes_bf16()


def test_a_driver_that_was_slow_once_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([None, ("0, 24576, 8.9",)])
    monkeypatch.setattr(devices, "inventory", devices.Inventory(lambda: ("0, GPU-a",)))
    monkeypatch.setattr(machine, "specifications", devices.Inventory(lambda: next(answers)))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert machine.visible_gpus() == []
    machine.refresh()
    assert machine.memory_bytes() == 24576 << 20


@pytest.mark.parametrize(("flags", "bf16"), [("fpu avx512_bf16", True), ("fpu amx_bf16", True), ("fpu avx2", False)])
def test_a_cpu_says_in_its_flags_whether_it_computes_bfloat16(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, bf16: bool
) -> None:
    (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
    monkeypatch.setattr(machine, "CPU_FACTS", tmp_path / "cpuinfo")
    monkeypatch.setattr(devices, "inventory", devices.Inventory(tuple))
    machine._cpu_has_bf16.cache_clear()
    try:
        assert machine.computes_bf16() is bf16
        assert memory.bytes_per_weight(recipe(bf16=None)) == (2 if bf16 else 4)
        assert memory.bytes_per_weight(recipe(bf16=None, tuning="full")) == 4
        monkeypatch.setattr(machine, "CPU_FACTS", tmp_path / "nothing")
        machine._cpu_has_bf16.cache_clear()
        assert machine.computes_bf16() is False
    finally:
        machine._cpu_has_bf16.cache_clear()


def test_tunings_and_optimisers_are_counted_as_their_tables_say(model: Model) -> None:
    small = memory.memory(model, recipe(tuning="ia3"))
    assert small.gradients < memory.memory(model, recipe()).gradients
    frozen = memory.memory(model, recipe(tuning="freeze", bf16=True))
    assert frozen.weights == 4 * PARAMETERS
    assert 0 < frozen.gradients < 4 * PARAMETERS
    assert (
        memory.memory(model, recipe(tuning="qlora", quantization="int8")).weights
        > memory.memory(model, recipe(tuning="qlora")).weights
    )
    frozen_checkpoint = memory.checkpoint_bytes(model, recipe(tuning="freeze", optim="sgd"))
    assert frozen_checkpoint == 4 * PARAMETERS + 10_000_000  # the whole model is in it
    muon, adamw = (
        memory.memory(model, recipe(tuning="full", optim=name)).optimiser for name in ("muon", "adamw_torch")
    )
    assert 2 * muon == adamw
