"""TRL's trainers for answers that are compared, fed with tokens and made faster where the numbers stay the same.

DPO, KTO and the reward model are trl's, ORPO and CPO (with SimPO) trl.experimental's.
"""

import time
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from trl import DPOTrainer, KTOTrainer, RewardTrainer
from trl.experimental.cpo import CPOTrainer
from trl.experimental.orpo import ORPOTrainer

from engine.process import events
from engine.workers import contract
from engine.workers.trainers import frozen_head, lean_lora, unmasked
from engine.workers.trainers.fast_logps import NOT_LEARNT, make_fast
from engine.workers.trainers.fast_sft import without_adapter
from engine.workers.trainers.rows import RowTrainer

SECONDS_BETWEEN_REPORTS = 0.5


class FusedTrainer(RowTrainer):
    """For trainers that score answers by a head fused to the model, and may ask the reference about all rows first."""

    model: Any
    accelerator: Any
    lean: bool
    _rows_to_ask: int = 0  # rows to ask the reference about, how many were asked, and when that was told
    _rows_asked: int = 0
    _reported: float = 0.0

    def __init__(self, *args: Any, lean: bool = False, **kwargs: Any) -> None:
        """`lean` as `compute.uses_own_layers` says: the reference is asked in here, and rounded as the model is."""
        self.lean = lean
        super().__init__(*args, **kwargs)

    def make_fast(self) -> None:
        """Uses the fast head from here on where the model allows it."""
        make_fast(self)

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset

    def _set_signature_columns_if_needed(self) -> None:
        self._signature_columns = list(self.train_dataset.column_names)

    def _precompute_ref_logps(self, dataset: Dataset, name: str, batch_size: int) -> Dataset:
        self.make_fast()
        if self.lean:
            lean_lora.enable(self.model)
        self._rows_to_ask, self._rows_asked = len(dataset), 0
        scored: Dataset = super()._precompute_ref_logps(dataset, name, batch_size)  # type: ignore[misc]
        return scored

    def compute_ref_log_probs(self, model: Any, inputs: dict[str, Any]) -> Any:
        out = Path(self.args.output_dir).parent
        if contract.stop_requested(out):
            raise contract.Stopped({"steps": 0})
        log_probs = super().compute_ref_log_probs(model, inputs)  # type: ignore[misc]
        self._report(out, len(log_probs[0]))
        return log_probs

    def _report(self, out: Path, rows: int) -> None:
        self._rows_asked += rows
        if time.monotonic() - self._reported > SECONDS_BETWEEN_REPORTS:
            self._reported = time.monotonic()
            events.append(
                out, events.Progress(done=self._rows_asked, total=self._rows_to_ask, stage="asking the reference")
            )


class PairTrainer(FusedTrainer, DPOTrainer):
    """Direct preference optimisation."""


class LabelTrainer(FusedTrainer, KTOTrainer):
    """Kahneman-Tversky optimisation: every answer is good or bad by itself."""


class ScoreTrainer(RowTrainer, RewardTrainer):
    """A reward model."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset

    def _set_signature_columns_if_needed(self) -> None:
        self._signature_columns = list(self.train_dataset.column_names)


class BothSides(RowTrainer):
    """For trainers that compute logits of both answers themselves: head and softmax only where they are read."""

    model: Any
    accelerator: Any
    whole_chosen: bool = False  # whether the prompt of the preferred answer is learnt as well
    averages: bool = False  # log-probabilities by token

    def tokenize_row(self, row: dict[str, Any], *_: Any) -> dict[str, Any]:
        return row

    def concatenated_forward(self, model: Any, batch: dict[str, Any]) -> tuple[Any, ...]:
        """Log-probabilities of chosen and rejected answers, mean logits of both, and the loss of imitating chosen."""
        self._count(batch)
        if not self.fast_loss:
            return super().concatenated_forward(model, batch)  # type: ignore[misc]
        inputs = self.concatenated_inputs(batch, padding_value=self.processing_class.pad_token_id)  # type: ignore[attr-defined]
        targets = inputs["concatenated_labels"][:, 1:]
        answers = targets != NOT_LEARNT
        pair_count = len(targets) // 2
        scored = answers.clone()
        if self.whole_chosen:
            scored[:pair_count] = inputs["concatenated_attention_mask"][:pair_count, 1:].bool()
        logps, logits = self._read(inputs, scored)
        answer_logps = (logps * answers).sum(-1)
        if self.averages:
            answer_logps = answer_logps / answers.sum(-1)
        imitation = -logps[:pair_count].sum() / scored[:pair_count].sum()
        means = (logits[:pair_count][answers[:pair_count]], logits[pair_count:][answers[pair_count:]])
        return answer_logps[:pair_count], answer_logps[pair_count:], *means, imitation

    def _read(self, inputs: dict[str, Any], scored: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities of the tokens at the positions to be read, and the mean logits there; zero elsewhere."""
        base = without_adapter(self.model)
        ids, mask = inputs["concatenated_input_ids"], inputs["concatenated_attention_mask"]
        with self.accelerator.autocast():  # accelerate wraps the forward of the whole model, which is passed by here
            hidden_states = unmasked.hidden(base, {"input_ids": ids, "attention_mask": mask})[:, :-1]
            readings = frozen_head.read(
                base.get_output_embeddings(), hidden_states[scored], ids[:, 1:][scored], details=True
            )
            logps, _, means, _ = readings
        zeros = logps.new_zeros(scored.shape)
        return zeros.masked_scatter(scored, logps), zeros.masked_scatter(scored, means)

    def _count(self, batch: dict[str, Any]) -> None:
        if self.model.training:
            sides = (batch["chosen_attention_mask"], batch["rejected_attention_mask"])
            self._total_train_tokens += sum(int(mask.sum()) for mask in sides)

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        logs["num_tokens"] = self._total_train_tokens
        super().log(logs, *args, **kwargs)  # type: ignore[misc]


class OddsTrainer(BothSides, ORPOTrainer):
    """ORPO: imitation of the preferred answer, prompt included, and the odds against the other one."""

    whole_chosen = averages = True


class ContrastTrainer(BothSides, CPOTrainer):
    """CPO, and SimPO, which is CPO with lengths averaged out and a margin in the place of imitation."""
