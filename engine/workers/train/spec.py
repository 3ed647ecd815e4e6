"""What a worker that trains is asked to do (spec.json), and the rows it makes of its dataset."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasets import Dataset

from engine.recipes.recipe import Recipe
from engine.workers import ranks
from engine.workers.tokens.row_tokens import Counts
from engine.workers.train.strategy import Strategy


@dataclass(frozen=True)
class Spec:
    """What the studio asks for (spec.json)."""

    recipe: Recipe
    model_path: Path
    dataset_path: Path
    dataset_kind: str
    device: str
    resume_from: Path | None
    attempt: int
    adapter_path: Path | None = None  # to begin with
    memory: dict[str, int] = field(default_factory=dict)  # engine.fit.memory_by_length
    companion: dict[str, str | None] | None = None  # engine.recipes.auxiliary_models: {"path", "adapter"}
    world_size: int = 1  # processes on all machines
    strategy_file: Path | None = None  # settings of FSDP or DeepSpeed
    dataset_family: str = ""  # of datasets that agree on which rows are held out
    held_out_path: Path | None = None  # the record of the run that this one begins with
    samples: dict[str, Any] | None = None  # fixed prompts: {"prompts": texts, "answers": folder of kept ones}

    @property
    def rows_a_step(self) -> int:
        """Rows of an optimiser step, of all processes."""
        return self.recipe.per_device_train_batch_size * self.recipe.gradient_accumulation_steps * self.world_size

    @property
    def strategy(self) -> Strategy:
        """How the training is to be spread."""
        return Strategy(self.recipe, self.world_size)

    @classmethod
    def read(cls, values: dict[str, Any]) -> "Spec":
        resume = values.get("resume_from")
        return cls(
            recipe=Recipe.model_validate(values["recipe"]),
            model_path=Path(values["model_path"]),
            dataset_path=Path(values["dataset_path"]),
            dataset_kind=values["dataset_kind"],
            device=ranks.device(values.get("device", "cpu")),
            resume_from=Path(resume) if resume else None,
            attempt=values.get("attempt", 1),
            adapter_path=Path(adapter) if (adapter := values.get("adapter_path")) else None,
            memory=values.get("memory") or {},
            companion=values.get("companion"),
            world_size=values.get("world_size", 1),
            strategy_file=Path(file) if (file := values.get("strategy_file")) else None,
            dataset_family=values.get("dataset_family", ""),
            held_out_path=Path(path) if (path := values.get("held_out_path")) else None,
            samples=values.get("samples"),
        )


@dataclass(frozen=True)
class Rows:
    """What is learnt from, what is held out, and what became of the rest."""

    train: Dataset
    held_out: Dataset | None
    counts: Counts

    @property
    def all(self) -> list[Dataset]:
        """Learnt from and held out."""
        return [dataset for dataset in (self.train, self.held_out) if dataset is not None]

    @property
    def example(self) -> list[int]:
        """The token ids of a row, to compare models with."""
        row = self.train[0]
        return next(list(row[name]) for name in EXAMPLES if name in row)


EXAMPLES = ("input_ids", "chosen_ids", "prompt_ids")
