"""Rows of tokens as padded batches, in the shape each trainer of TRL reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

NOT_LEARNT = -100
Row = dict[str, Any]
Batch = dict[str, torch.Tensor]


def padded(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
    """(rows, tokens of the longest), filled up on the right."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[value] * (longest - len(row))] for row in rows], dtype=torch.int64)


def attention(rows: Sequence[Sequence[int]]) -> torch.Tensor:
    return padded([[1] * len(row) for row in rows], 0)


@dataclass(frozen=True)
class Pairs:
    """For DPO: chosen rows, then rejected ones, in one tensor."""

    pad: int

    def __call__(self, rows: list[Row]) -> Batch:
        sides = [row["chosen_ids"] for row in rows] + [row["rejected_ids"] for row in rows]
        labels = [row["chosen_labels"] for row in rows] + [row["rejected_labels"] for row in rows]
        batch = {
            "input_ids": padded(sides, self.pad),
            "attention_mask": attention(sides),
            "completion_mask": (padded(labels, NOT_LEARNT) != NOT_LEARNT).long(),
        }
        reference_columns = [name for name in ("ref_chosen_logps", "ref_rejected_logps") if name in rows[0]]
        return batch | {name: torch.tensor([row[name] for row in rows]) for name in reference_columns}


@dataclass(frozen=True)
class Sides:
    """For ORPO and CPO: chosen and rejected rows in tensors of their own."""

    pad: int

    def __call__(self, rows: list[Row]) -> Batch:
        batch: Batch = {}
        for side in ("chosen", "rejected"):
            ids = [row[f"{side}_ids"] for row in rows]
            batch[f"{side}_input_ids"] = padded(ids, self.pad)
            batch[f"{side}_attention_mask"] = attention(ids)
            batch[f"{side}_labels"] = padded([row[f"{side}_labels"] for row in rows], NOT_LEARNT)
        return batch


@dataclass(frozen=True)
class Labelled:
    """For KTO: each answer, and with `KL_` the answer of another row behind the same prompt."""

    pad: int

    def __call__(self, rows: list[Row]) -> Batch:
        batch: Batch = {}
        for prefix in ("", "KL_") if "KL_input_ids" in rows[0] else ("",):
            ids = [row[f"{prefix}input_ids"] for row in rows]
            batch[f"{prefix}input_ids"] = padded(ids, self.pad)
            batch[f"{prefix}attention_mask"] = attention(ids)
            labels = padded([row[f"{prefix}labels"] for row in rows], NOT_LEARNT)
            batch[f"{prefix}completion_mask"] = (labels != NOT_LEARNT).long()
        batch["label"] = torch.tensor([row["label"] for row in rows])
        reference_columns = [name for name in ("ref_logps", "ref_KL_logps") if name in rows[0]]
        return batch | {name: torch.tensor([row[name] for row in rows]) for name in reference_columns}


def mismatched(max_length: int) -> Callable[[dict[str, list[Any]]], dict[str, list[Any]]]:
    """Gives each row of a batch the answer of the row before it, as TRL's KTO does to estimate how far the model went.

    For `Dataset.map(batched=True)`. Prompt and answer are divided where the first label is.
    """

    def rotated(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
        ids, labels = rows["input_ids"], rows["labels"]
        starts = [next(index for index, label in enumerate(row) if label != NOT_LEARNT) for row in labels]
        answers = [
            (row_ids[start:], row_labels[start:])
            for row_ids, row_labels, start in zip(ids, labels, starts, strict=True)
        ]
        answers = [answers[-1], *answers[:-1]]
        return {
            "KL_input_ids": [
                [*row_ids[:start], *answer][:max_length]
                for row_ids, start, (answer, _) in zip(ids, starts, answers, strict=True)
            ],
            "KL_labels": [
                [*[NOT_LEARNT] * start, *row_labels][:max_length]
                for start, (_, row_labels) in zip(starts, answers, strict=True)
            ],
        }

    return rotated
