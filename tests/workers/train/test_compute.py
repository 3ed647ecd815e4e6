"""How a model computes is as the recipe says, or as the device and the libraries allow; what is in force is told."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer

from engine.process import events
from engine.recipes.recipe import Recipe
from engine.workers.contract import WorkFailedError
from engine.workers.train import compute, family_preference, training
from engine.workers.train.family_reinforce import GroupTrainer, LeaveOneOutTrainer
from engine.workers.trainers import head_parts
from engine.workers.trainers.fast_logps import make_fast
from tests.workers.train.judged import store_rows
from tests.workers.train.training_runs import only, spec, steps, sums, write_rows
from tests.workers.trainers.families import ALONE, FAMILIES, LEFT_TO_TRL, random_model
from tests.workers.trainers.test_packed_rows import still

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]


def recipe(**fields: Any) -> Recipe:
    return Recipe.model_validate({"model_id": "m", "dataset_id": "d", **fields})


def llama() -> PreTrainedModel:
    return random_model(FAMILIES["llama"])


def test_attention_is_left_to_transformers_on_a_cpu_unless_it_is_asked_for() -> None:
    model = llama()
    compute.choose_attention(model, recipe(), "cpu", True)
    assert model.config._attn_implementation == "sdpa"
    compute.choose_attention(model, recipe(attn_implementation="eager"), "cpu", True)
    assert model.config._attn_implementation == "eager"


@pytest.mark.parametrize("name", ["flash_attention_2", "flash_attention_3"])
def test_flash_attention_on_a_cpu_is_refused_in_words(name: str) -> None:
    with pytest.raises(WorkFailedError, match="needs a GPU") as caught:
        compute.choose_attention(llama(), recipe(attn_implementation=name), "cpu", True)
    assert caught.value.category == "config"
    assert "empty" in caught.value.hint


def test_flash_attention_that_is_not_installed_is_refused_and_not_chosen() -> None:
    assert compute.attention(recipe(), transformers.LlamaForCausalLM, "cuda:0", True) is None
    with pytest.raises(WorkFailedError, match="not installed"):
        compute.attention(
            recipe(attn_implementation="flash_attention_2"), transformers.LlamaForCausalLM, "cuda:0", True
        )


def test_attention_that_a_model_cannot_compute_is_refused() -> None:
    with pytest.raises(WorkFailedError, match="Gemma2ForCausalLM cannot"):
        compute.choose_attention(
            random_model(LEFT_TO_TRL["gemma2, soft-capped"]), recipe(attn_implementation="sdpa"), "cpu", False
        )


def test_ligers_kernels_are_refused_where_there_are_none() -> None:
    assert not compute.liger(recipe(), llama(), "cpu")
    assert not compute.liger(recipe(use_liger_kernel=False), llama(), "cuda:0")
    with pytest.raises(WorkFailedError, match="need a GPU"):
        compute.liger(recipe(use_liger_kernel=True), llama(), "cpu")
    if importlib.util.find_spec("liger_kernel") is None:
        with pytest.raises(WorkFailedError, match="not installed"):
            compute.liger(recipe(use_liger_kernel=True), llama(), "cuda:0")


@pytest.mark.parametrize(
    ("asked", "longest", "memory", "wanted"),
    [
        (None, 100, {"fixed": 500, "a_token": 10, "available": 1500}, False),
        (None, 101, {"fixed": 500, "a_token": 10, "available": 1500}, True),
        (None, 101, {}, False),  # started by hand, or a model of unknown size
        (True, 1, {"fixed": 500, "a_token": 10, "available": 1500}, True),
        (False, 9999, {"fixed": 500, "a_token": 10, "available": 1500}, False),
    ],
)
def test_activations_are_recomputed_when_the_longest_row_would_not_fit(
    asked: bool | None, longest: int, memory: dict[str, int], wanted: bool
) -> None:
    assert compute.recomputes(recipe(gradient_checkpointing=asked), memory, longest) is wanted


def facts(folder: Path) -> dict[str, Any]:
    return dict(only(events.read(folder)[0], events.Started).facts)


def losses(folder: Path) -> list[float]:
    return [point["loss"] for point in steps(events.read(folder)[0]).values() if "loss" in point]


def test_too_little_memory_turns_recomputing_on_and_changes_no_loss(tiny_model: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path, "chat", sums(12))
    losses_by_recomputing = {}
    for available in (10**9, 1000):
        out = tmp_path / str(available)
        out.mkdir()
        values = spec(tiny_model, rows, bf16=False, attn_implementation="eager")
        training.train(values | {"memory": {"fixed": 600, "a_token": 50, "available": available}}, out)
        losses_by_recomputing[facts(out)["gradient_checkpointing"]] = losses(out)
        assert (facts(out)["attention"], facts(out)["liger_kernel"], facts(out)["torch_compile"]) == (
            "eager",
            False,
            False,
        )
    assert losses_by_recomputing[True] == pytest.approx(losses_by_recomputing[False], rel=1e-5)


def test_a_compiled_decoder_is_the_one_the_fast_loss_calls(tiny_model: Path, tmp_path: Path) -> None:
    """With a backend that only records: the real one takes minutes."""
    torch._dynamo.reset()
    node_counts: list[int] = []

    def record(graph: torch.fx.GraphModule, _: Any) -> Any:
        node_counts.append(len(list(graph.graph.nodes)))
        return graph.forward

    model = llama()
    ids = torch.arange(12)[None]
    with torch.no_grad():
        before = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        assert not model.base_model._compiled_call_impl
        compute.compile_decoder(model, record)
        after = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
    assert sum(node_counts) > 20
    assert torch.allclose(before, after, atol=1e-5)
    assert not [name for name in model.state_dict() if "_orig_mod" in name]
    torch._dynamo.reset()


@pytest.mark.parametrize(("method", "family", "lora"), [("grpo", "llama", True), ("rloo", "gpt2", False)])
def test_own_answers_are_weighed_as_trl_weighs_them(
    method: str, family: str, lora: bool, tiny_model: Path, tmp_path: Path
) -> None:
    """The same seed gives the same answers, so losses, gradients and entropies have to be the same."""
    classes = {"grpo": (GRPOConfig, GRPOTrainer, GroupTrainer), "rloo": (RLOOConfig, RLOOTrainer, LeaveOneOutTrainer)}
    config_class, stock_class, own_class = classes[method]
    numbers = []
    random_model(FAMILIES[family]).save_pretrained(tmp_path / "model")  # full tuning loads the reference from there
    for trainer_class in (stock_class, own_class):
        model = still(AutoModelForCausalLM.from_pretrained(tmp_path / "model"))
        trainer = group_trainer(trainer_class, config_class, model, tiny_model, tmp_path / "out", lora)
        if trainer_class is own_class:
            make_fast(trainer, 0.7)
            assert trainer.fast_loss
        trainer.train()
        names = ("loss", "grad_norm", "kl", "entropy", "reward")
        numbers.append([entry[name] for entry in trainer.state.log_history for name in names if name in entry])
    assert len(numbers[0]) >= 3 * 4
    assert numbers[1] == pytest.approx(numbers[0], rel=2e-3, abs=1e-5)


def group_trainer(
    trainer_class: Any, config_class: Any, model: PreTrainedModel, tiny: Path, out: Path, lora: bool
) -> Any:
    """Prompts are tokens for ours, and their text for TRL's own."""
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    prompts: list[Any] = [[5 + n, 9, 12 + n] for n in range(8)]
    if trainer_class not in (GroupTrainer, LeaveOneOutTrainer):
        prompts = [tokenizer.decode(prompt) for prompt in prompts]
    return trainer_class(
        model=model,
        processing_class=tokenizer,
        args=config_class(
            output_dir=str(out),
            max_steps=3,
            per_device_train_batch_size=4,
            num_generations=4,
            max_completion_length=6,
            temperature=0.7,
            beta=0.1,
            learning_rate=1e-2,
            seed=7,
            **ALONE,
        ),
        train_dataset=Dataset.from_dict({"prompt": prompts}),
        reward_funcs=[lambda completions, **_: [float(len(str(answer)) % 5) for answer in completions]],
        peft_config=LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear") if lora else None,
    )


@pytest.mark.parametrize("method", ["sft", "dpo", "orpo"])
def test_a_head_in_parts_gives_the_same_losses(
    method: str, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = "chat" if method == "sft" else "preference"
    rows = write_rows(tmp_path, "chat", sums(12)) if method == "sft" else store_rows(tmp_path, "preference")
    worker = training if method == "sft" else family_preference
    loss_curves = []
    for name in ("whole", "parts"):
        out = tmp_path / name
        out.mkdir()
        worker.train(spec(tiny_model, rows, kind, method=method, bf16=False), out)
        assert facts(out)["fast_loss"]
        loss_curves.append(losses(out))
        monkeypatch.setattr(head_parts, "CPU_BYTES", 1)
        monkeypatch.setattr(head_parts, "FEWEST", 7)
    assert loss_curves[1] == pytest.approx(loss_curves[0], rel=1e-4)


def test_parts_keep_one_parts_logits_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_parts, "CPU_BYTES", 4 * 50 * 10)
    monkeypatch.setattr(head_parts, "FEWEST", 1)
    sizes = []

    def read(hidden: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor]:
        sizes.append(len(targets))
        return (hidden.sum(-1) * targets,)

    hidden = torch.ones(25, 4, requires_grad=True)
    (output,) = head_parts.in_parts(read, hidden, torch.arange(25), vocabulary=50)
    assert output.tolist() == [4.0 * n for n in range(25)]
    assert sizes == [10, 10, 5]
    output.sum().backward()
    assert sizes == [10, 10, 5, 5, 10, 10]  # each part again, for its gradient
    assert hidden.grad is not None
    assert hidden.grad[3].tolist() == [3.0] * 4
