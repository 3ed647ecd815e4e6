"""A voice that writes nothing: a reward model, which gives an answer a score."""

from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification

from engine.weights import files
from engine.workers import networks
from engine.workers.contract import WorkFailedError
from engine.workers.serve.load import Voice


@dataclass(frozen=True)
class Scorer(Voice):
    """A network with one number as its answer. It has weights of its own, beside those of the base."""

    def scores(self, state: torch.Tensor) -> list[float]:
        """The score, from the hidden state of the last token."""
        head = self.network.score
        score: list[float] = head(state.to(self.network.dtype)).float().tolist()
        return score


def is_scorer(folder: Path) -> bool:
    """Whether a folder holds a reward model, or an adapter that makes one."""
    adapter, config = files.read_json(folder, "adapter_config.json"), files.read_json(folder, "config.json")
    if adapter:
        return adapter.get("task_type") == "SEQ_CLS"
    return any(str(name).endswith("ForSequenceClassification") for name in (config or {}).get("architectures") or [])


def load(base: Path, folder: Path, device: str, dtype: torch.dtype) -> Scorer:
    """The reward model of a run: its folder, or the adapter with its head on the base. Raises WorkFailedError."""
    from peft import PeftModel  # noqa: PLC0415  (takes seconds to import; most servers do without)

    adapter = (folder / "adapter_config.json").exists()
    try:
        if adapter:
            network = networks.load(AutoModelForSequenceClassification, base, 1, dtype=dtype)
            networks.enlarge(network, networks.adapter_rows(network, folder))
            network = PeftModel.from_pretrained(network, str(folder), local_files_only=True)
        else:
            network = networks.load(AutoModelForSequenceClassification, folder, dtype=dtype)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        text = f"The reward model in {folder} cannot be loaded: {str(error)[:500]}"
        raise WorkFailedError("config", text, "Serve it with the base model it was trained on.") from error
    if network.config.num_labels != 1 or not hasattr(network, "score"):
        raise WorkFailedError("config", f"The model in {folder} does not answer with one score.", "Serve another run.")
    network = network.to(device).to(dtype).eval()
    return Scorer(network, None, frozenset(), rows=networks.rows(network))
