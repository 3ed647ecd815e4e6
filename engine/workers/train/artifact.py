"""Saves what a training made, opens it again and checks it. Only then is a run a success."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml
from peft import PeftModel
from safetensors import safe_open
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from engine.recipes.methods import GENERATING
from engine.recipes.recipe import Recipe, to_yaml
from engine.workers import networks
from engine.workers.contract import WorkFailedError
from engine.workers.train import saved_ends
from engine.workers.trainers import lean_lora
from engine.workers.tuning import starts
from engine.workers.tuning.adapters import has_new_rows, puts_tokens_before

PROBE_TOKENS = 32
ALIKE = (
    "The rewards gave all answers to a prompt the same score. Choose easier prompts, a reward that is not all or "
    "nothing, or more answers."
)


@dataclass(frozen=True)
class Trained:
    """A model fresh from its training, and what is needed to check it: a row it has seen, and how it computes."""

    model: PreTrainedModel | PeftModel
    tokenizer: PreTrainedTokenizerBase
    recipe: Recipe
    row: list[int]  # token ids
    bf16: bool
    stored_dtype: torch.dtype  # of the base model's files, and so of a full model's


def save(trained: Trained, out: Path) -> str:
    """Writes OUT/adapter or OUT/model with tokenizer and card, and returns which. It appears only once it is checked.

    Raises WorkFailedError when what was written is not what was trained, or nothing was learnt.
    """
    model = trained.model
    name = "adapter" if isinstance(model, PeftModel) else "model"
    partial, final = out / f"{name}.partial", out / name
    for leftover in (partial, final):
        if leftover.exists():
            shutil.rmtree(leftover)
    if isinstance(model, PeftModel):
        _save_adapter(model, partial, out)
    else:
        model.to(trained.stored_dtype).save_pretrained(partial)
    saved_ends.save(model, trained.tokenizer, partial, out)
    (partial / "README.md").write_text(card(trained, name), encoding="utf-8")
    if isinstance(model, PeftModel):
        _check_adapter(trained, model, partial)
    else:
        _check_model(model, partial)
    partial.rename(final)
    return name


def _save_adapter(model: PeftModel, folder: Path, out: Path) -> None:
    """As PEFT saves it; what did not begin at no change, as what has changed since."""
    # Not the copy that a reference is; and of the embeddings only what is trained.
    model.save_pretrained(folder, selected_adapters=["default"], save_embedding_layers=False)
    if starts.has_start(model):
        starts.save_since(folder, out / starts.KEPT)


def card(trained: Trained, name: str) -> str:
    """A model card: what this is, what to know when it is loaded, and the whole recipe. Hub fields first, as YAML."""
    recipe = trained.recipe
    fields = {
        "library_name": "peft" if name == "adapter" else "transformers",
        "pipeline_tag": "text-classification" if recipe.method == "reward" else "text-generation",
        "tags": ["tunesmith", recipe.method, recipe.tuning],
    }
    head = yaml.safe_dump(fields, sort_keys=False)
    body = to_yaml(recipe)
    notes = _loading_notes(trained.model)
    return f"---\n{head}---\n\n# Trained with Tunesmith\n\n{notes}The recipe:\n\n```yaml\n{body}```\n"


def _loading_notes(model: PreTrainedModel | PeftModel) -> str:
    """What somebody has to do who loads an adapter by hand; empty when there is nothing."""
    if not isinstance(model, PeftModel) or not has_new_rows(model):
        return ""
    size = networks.rows(model)
    return (
        f"The adapter holds embeddings of tokens that the base model has none for. Before it is loaded, the base model "
        f"needs rows for them: `model.resize_token_embeddings({size})`.\n\n"
    )


@torch.no_grad()
def _logits(trained: Trained, model: torch.nn.Module) -> torch.Tensor:
    """What `model` says about the start of a row, float32, on the CPU: (1, tokens, vocabulary), or a score (1, 1).

    Computed as in training: bfloat16 by autocast and bfloat16 by weights differ more than a short training does.
    """
    model.eval()
    device = model.get_input_embeddings().weight.device
    ids = torch.tensor([trained.row[:PROBE_TOKENS]], device=device)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=trained.bf16):
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits
    return logits[:, -ids.shape[1] :].float().cpu()  # learnt tokens that stand before the row have logits too


def _check_adapter(trained: Trained, model: PeftModel, folder: Path) -> None:
    tensors = _finite_tensors(folder)
    if _unchanged(model, tensors):
        raise WorkFailedError(
            "config",
            "The training changed nothing: every weight of the adapter is the same as before.",
            ALIKE
            if trained.recipe.method in GENERATING
            else "Raise learning_rate, or train for more than warmup_steps.",
        )
    if starts.has_start(model):
        starts.subtract_all(model)  # what is saved is for the base without the start
    lean_lora.disable(model)  # as it is opened by others, so that no rounding tells the two apart
    trained_logits = _logits(trained, model)
    base = model.base_model if puts_tokens_before(model) else model.unload()
    base_logits = _logits(trained, base)
    reopened = PeftModel.from_pretrained(base, folder, is_trainable=False)
    reopened_logits = _logits(trained, reopened)
    change, difference = (
        (trained_logits - base_logits).abs().max().item(),
        (reopened_logits - trained_logits).abs().max().item(),
    )
    # A 4-bit run trains its adapter in bfloat16 and PEFT opens it in float32, hence the tolerance.
    if difference > 0.05 * max(change, trained_logits.abs().max().item()):
        raise WorkFailedError(
            "code", f"The saved adapter answers differently from the trained one (by {difference:.3g})."
        )
    if change == 0:
        raise WorkFailedError(
            "config", "The adapter does not change the model's answers.", "Raise learning_rate or train longer."
        )


def _unchanged(model: PeftModel, tensors: dict[str, torch.Tensor]) -> bool:
    """Whether a LoRA adapter is as it began; of others it is not known, and their answers tell."""
    if starts.has_start(model):
        return starts.unchanged(model)
    lora_b = [tensor for name, tensor in tensors.items() if "lora_B" in name]
    return bool(lora_b) and not any(tensor.any() for tensor in lora_b)


def _check_model(trained: PreTrainedModel, folder: Path) -> None:
    AutoConfig.from_pretrained(folder, trust_remote_code=False)
    AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    saved = _finite_tensors(folder)
    for name, tensor in trained.state_dict().items():
        if name in saved and not torch.equal(saved[name], tensor.cpu()):
            raise WorkFailedError("code", f"The saved weights of {name} are not the trained ones.")
    expected = {name for name, _ in trained.named_parameters()}  # names tied to another are listed once
    if missing := sorted(expected - set(saved)):
        raise WorkFailedError("code", f"The saved model lacks {missing[0]}.")


def _finite_tensors(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors saved in `folder`, memory-mapped. Raises WorkFailedError on NaN or infinity."""
    tensors: dict[str, torch.Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as weights_file:
            tensors |= {name: weights_file.get_tensor(name) for name in weights_file.keys()}  # noqa: SIM118 (not a dict)
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise WorkFailedError(
                "config",
                f"The trained weights of {name} contain NaN or infinity.",
                "Lower learning_rate and train again.",
            )
    if not tensors:
        raise WorkFailedError("code", f"Nothing was saved in {folder.name}.")
    return tensors
