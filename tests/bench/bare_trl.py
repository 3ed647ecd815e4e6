"""The training a person would write with TRL alone, to compare with: `python -m tests.bench.bare_trl SPEC.json`.

The spec says: method, model, train and held_out (rows as in tests.bench.training_rows), steps, batch, max_length,
learning_rate, device, for gkd the teacher's folder, and the folder `out` that gets the adapter; with `adapter`, that
one is measured on the held-out rows instead. Prints one line of JSON: real tokens a second after the first steps and
the losses, or eval_loss.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import LoraConfig, PeftModel
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, TrainerCallback
from trl import (
    DPOConfig,
    DPOTrainer,
    GRPOConfig,
    GRPOTrainer,
    KTOConfig,
    KTOTrainer,
    RewardConfig,
    RewardTrainer,
    RLOOConfig,
    RLOOTrainer,
    SFTConfig,
    SFTTrainer,
)
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.gkd import GKDConfig, GKDTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

Spec = dict[str, Any]
GOOD_LENGTH = 80  # characters of a good answer, for grpo and rloo
KINDS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "sft": (SFTConfig, SFTTrainer, {}),
    "cpt": (SFTConfig, SFTTrainer, {}),
    "dpo": (DPOConfig, DPOTrainer, {}),
    "kto": (KTOConfig, KTOTrainer, {}),
    "orpo": (ORPOConfig, ORPOTrainer, {}),
    "cpo": (CPOConfig, CPOTrainer, {}),
    "simpo": (CPOConfig, CPOTrainer, {"loss_type": "simpo", "cpo_alpha": 0.0, "beta": 2.0}),
    "reward": (RewardConfig, RewardTrainer, {}),
    "grpo": (GRPOConfig, GRPOTrainer, {}),
    "rloo": (RLOOConfig, RLOOTrainer, {}),
    "gkd": (GKDConfig, GKDTrainer, {}),
}
GENERATING = ("grpo", "rloo")


class Clock(TrainerCallback):  # type: ignore[misc]
    """When each step ended, how many tokens had been learnt from by then, and what was logged."""

    def __init__(self) -> None:
        self.counted = 0.0
        self.points: list[tuple[float, float]] = []
        self.logs: list[dict[str, float]] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        if "loss" in logs:
            self.points.append((time.monotonic(), float(logs.get("num_tokens", self.counted))))
            self.logs.append(logs)

    def count_in(self, trainer: Any) -> None:
        """For trainers that log no tokens: those of the rows (or both sides of a pair), without padding."""
        step = trainer.training_step

        def counted(model: Any, inputs: Any, *rest: Any) -> Any:
            loss = step(model, inputs, *rest)  # in which gkd puts the answers it writes into the rows' place
            names = (name for name in inputs if name.endswith("attention_mask") and not name.startswith("prompt"))
            self.counted += sum(int(inputs[name].sum()) for name in names)
            return loss

        trainer.training_step = counted


def short(completions: list[list[dict[str, str]]], **_: Any) -> list[float]:
    """As the studio's reward `length`."""
    return [max(0.0, min(1.0, 2 - len(turns[-1]["content"]) / GOOD_LENGTH)) for turns in completions]


def with_numbers(completions: list[list[dict[str, str]]], **_: Any) -> list[float]:
    """As the studio's reward `regex` with the pattern \\d."""
    return [float(any(letter.isdigit() for letter in turns[-1]["content"])) for turns in completions]


def dataset(method: str, rows: list[dict[str, Any]]) -> Dataset:
    """Chats as prompt and completion, which is how TRL learns answers alone with any chat template."""
    if method == "sft":
        turns = [row["messages"] for row in rows]
        rows = [{"prompt": one[:-1], "completion": one[-1:]} for one in turns]
    return Dataset.from_list(rows)


def arguments(spec: Spec) -> Any:
    method, batch = spec["method"], spec["batch"]
    config, _, own = KINDS[method]
    if method in GENERATING:
        own = {"num_generations": 4, "max_completion_length": spec["answer"], **own}
    else:
        own = {"max_length": spec["max_length"], **own}
    if method == "gkd":
        own |= {"lmbda": spec["lmbda"], "max_new_tokens": spec["answer"], "temperature": 1.0}
    return config(
        output_dir=str(Path(spec["out"]) / "checkpoints"),
        max_steps=spec["steps"],
        per_device_train_batch_size=batch,
        per_device_eval_batch_size=batch,
        learning_rate=spec["learning_rate"],
        logging_steps=1,
        gradient_checkpointing=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=spec["device"] == "cpu",
        **own,
    )


def loaded(spec: Spec) -> Any:
    """The base model, or that with the adapter to be measured folded in."""
    kind: Any = AutoModelForCausalLM
    more = {}
    if spec["method"] == "reward":
        kind, more = AutoModelForSequenceClassification, {"num_labels": 1}
    model = kind.from_pretrained(spec["model"], **more)
    if not spec.get("adapter"):
        return model
    return PeftModel.from_pretrained(model, spec["adapter"]).merge_and_unload()


def trainer_of(spec: Spec) -> Any:
    method, measures = spec["method"], bool(spec.get("adapter"))
    _, trainer, _ = KINDS[method]
    task = "SEQ_CLS" if method == "reward" else "CAUSAL_LM"
    lora = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type=task)
    if method == "reward":
        lora.modules_to_save = ["score"]
    more: dict[str, Any] = {} if measures else {"peft_config": lora}
    if method in GENERATING:
        more["reward_funcs"] = [short, with_numbers]
    if method == "gkd":
        more["teacher_model"] = AutoModelForCausalLM.from_pretrained(spec["teacher"])
    if measures and method in ("dpo", "kto"):
        more["ref_model"] = AutoModelForCausalLM.from_pretrained(spec["model"])
    tokenizer = AutoTokenizer.from_pretrained(spec["model"])
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return trainer(
        model=loaded(spec),
        args=arguments(spec),
        processing_class=tokenizer,
        train_dataset=dataset(method, spec["train"]),
        eval_dataset=dataset(method, spec["held_out"]) if measures else None,
        **more,
    )


def train(spec: Spec) -> dict[str, Any]:
    clock, trainer = Clock(), trainer_of(spec)
    if spec["method"] in ("orpo", "cpo", "simpo", "gkd"):
        clock.count_in(trainer)
    trainer.add_callback(clock)
    trainer.train()
    trainer.save_model(str(Path(spec["out"]) / "adapter"))
    skipped = min(spec.get("skip", 1), len(clock.points) - 1)
    (first, before), (last, after) = clock.points[skipped - 1], clock.points[-1]
    found: dict[str, Any] = {"tokens_per_second": (after - before) / (last - first)}
    return found | {"losses": [log["loss"] for log in clock.logs], "rewards": [log.get("reward") for log in clock.logs]}


def measured(spec: Spec) -> dict[str, float]:
    return {"eval_loss": float(trainer_of(spec).evaluate()["eval_loss"])}


def main(file: str) -> None:
    spec = json.loads(Path(file).read_text(encoding="utf-8"))
    print(json.dumps(measured(spec) if spec.get("adapter") else train(spec)))


if __name__ == "__main__":
    main(sys.argv[1])
