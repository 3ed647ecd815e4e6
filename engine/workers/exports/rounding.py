"""What merging and rounding change in a model's numbers, before anybody is asked a question.

`difference` is the largest one of a logit on a few prompts, divided by the largest logit there: 0 is the same. Both
sides are computed in float32, so that what is left is the merge and the rounding of the weights alone.
"""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from engine.workers.contract import WorkFailedError

TEXTS = (
    "What is the capital of France?",
    "17 plus 6 equals",
    "def add(a, b):\n    return",
    "오늘 날씨가 어때요?",
)
LONGEST = 32  # tokens of a prompt
TOLERANCE = {"float32": 1e-3, "float16": 0.02, "bfloat16": 0.1}  # bfloat16 keeps 8 bits of each weight
WORTH_TELLING = 0.25  # of what the training changed

Prompts = list[torch.Tensor]  # token ids, (1, tokens)
Answers = list[torch.Tensor]  # logits, (tokens, vocabulary), or a score, (1,)


def prompts(tokenizer_path: Path, model: Any) -> Prompts:
    """The texts as token ids that the model has."""
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_path, local_files_only=True, trust_remote_code=False)
    rows = model.get_input_embeddings().weight.shape[0]
    ids = [[token for token in tokenizer(text)["input_ids"] if token < rows][:LONGEST] for text in TEXTS]
    return [torch.tensor([tokens]) for tokens in ids if tokens]


@torch.no_grad()
def answers(model: Any, asked: Prompts) -> Answers:
    """What the model says to each prompt."""
    model.eval()
    return [model(input_ids=ids, use_cache=False).logits[0].float() for ids in asked]


def refuse_infinite(model: Any, dtype: str) -> None:
    """Raises WorkFailedError when a weight does not fit into `dtype`."""
    for name, parameter in model.named_parameters():
        if not torch.isfinite(parameter).all():
            hint = "Choose bfloat16 or float32: float16 holds nothing above 65,504."
            raise WorkFailedError("config", f"{dtype} cannot hold the weights of {name}.", hint)


def refuse_differing(reopened: Any, saved: Any) -> None:
    """Raises WorkFailedError unless every weight that was opened again is the one that was saved."""
    parameters = dict(reopened.named_parameters())
    for name, parameter in saved.named_parameters():
        if name not in parameters or not torch.equal(parameters[name], parameter):
            raise WorkFailedError("code", f"The saved weights of {name} are not the merged ones.")


def refuse_unlike(reopened: Answers, expected: Answers, dtype: str) -> float:
    """How far answers are apart. Raises WorkFailedError when it is further than rounding to `dtype` explains."""
    apart = max(_largest(a - b) for a, b in zip(reopened, expected, strict=True))
    value = apart / max(_largest(answer) for answer in expected)
    if not value <= TOLERANCE[dtype]:  # NaN too
        message = f"The merged model answers differently from base and adapter (a difference of {value:.3g})."
        raise WorkFailedError("code", message, "Take the adapter, and use it with the base.")
    return value


def compared(reopened: Answers, expected: Answers, without: Answers, dtype: str) -> dict[str, Any]:
    """`difference`, and a note when rounding moves the answers by much of what the training changed."""
    value = refuse_unlike(reopened, expected, dtype)
    change = sum(float((a - b).abs().sum()) for a, b in zip(expected, without, strict=True))
    rounding = sum(float((a - b).abs().sum()) for a, b in zip(reopened, expected, strict=True))
    lost = rounding / change if change else 0.0
    told = f"Rounding to {dtype} moves the answers by {lost:.0%} of what the training changed. float32 keeps it all."
    return {"difference": value, "notes": [told] if lost > WORTH_TELLING and dtype != "float32" else []}


def _largest(tensor: torch.Tensor) -> float:
    return float(tensor.abs().max())
