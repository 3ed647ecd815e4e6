"""The training a person would write with TRL alone, to compare with: `python -m tests.bench.bare_trl MODEL ROWS STEPS`.

ROWS is a JSON list of alpaca rows. Prints one line of JSON: real tokens a second after the first step, and the losses.
"""

import json
import sys
import time
from typing import Any

from datasets import Dataset
from peft import LoraConfig
from transformers import TrainerCallback
from trl import SFTConfig, SFTTrainer


class Clock(TrainerCallback):  # type: ignore[misc]
    """When each step ended, and how many tokens had been learnt from by then."""

    def __init__(self) -> None:
        self.points: list[tuple[float, float, float]] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        if "loss" in logs:
            self.points.append((time.monotonic(), float(logs["num_tokens"]), float(logs["loss"])))


def as_chat(row: dict[str, str]) -> list[dict[str, str]]:
    question = f"{row['instruction']}\n{row.get('input', '')}".strip()
    return [{"role": "user", "content": question}, {"role": "assistant", "content": row["output"]}]


def main(model: str, rows_file: str, steps: int) -> None:
    with open(rows_file, encoding="utf-8") as file:
        chats = [as_chat(row) for row in json.load(file)]
    clock = Clock()
    SFTTrainer(
        model=model,
        args=SFTConfig(
            output_dir="bare-trl",
            max_steps=steps,
            per_device_train_batch_size=4,
            learning_rate=2e-4,
            max_length=256,
            logging_steps=1,
            gradient_checkpointing=False,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
        ),
        train_dataset=Dataset.from_dict({"messages": chats}),
        peft_config=LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"),
        callbacks=[clock],
    ).train()
    (first, before, _), (last, after, _) = clock.points[0], clock.points[-1]
    losses = [loss for _, _, loss in clock.points]
    print(json.dumps({"tokens_per_second": (after - before) / (last - first), "losses": losses}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
