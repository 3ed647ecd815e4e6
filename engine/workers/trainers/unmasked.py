"""Hidden states of rows that are padded behind, without a mask where none is needed.

A causal model sees what stands before a token, so padding behind a row changes nothing in it, and what is computed at
the padding itself is never read. Told no mask, attention leaves out the half that nobody sees, and keys and values
shared by several heads stay shared. Which models are like that is tried, once for each.
"""

from typing import Any
from weakref import WeakKeyDictionary

import torch
from transformers import PreTrainedModel

PROBE = (5, 8)  # tokens of the two rows that are tried
CLOSE = 0.05  # in bfloat16 two ways to the same number part a little

_results: WeakKeyDictionary[PreTrainedModel, bool] = WeakKeyDictionary()


def hidden(model: PreTrainedModel, inputs: dict[str, Any]) -> torch.Tensor:
    """The decoder's last hidden state, (rows, tokens, width); at padded places it may be anything."""
    mask = inputs.get("attention_mask")
    if mask is not None and _padded_behind(mask) and needs_no_mask(model):
        inputs = {name: value for name, value in inputs.items() if name != "attention_mask"}
    hidden_states: torch.Tensor = model.base_model(**inputs, use_cache=False).last_hidden_state
    return hidden_states


def needs_no_mask(model: PreTrainedModel) -> bool:
    """Whether the rows of this very model are the same without a mask, whatever they are padded with."""
    if model not in _results:
        _results[model] = _probe(model)
    return _results[model]


def _padded_behind(mask: torch.Tensor) -> bool:
    """Asked in every step, so a GPU is waited for once."""
    return mask.dim() == 2 and bool((mask[:, 0] == 1).all() & (mask[:, 1:] <= mask[:, :-1]).all())


@torch.no_grad()
@torch.compiler.set_stance("force_eager")
def _probe(model: PreTrainedModel) -> bool:
    training, embeddings = model.training, model.get_input_embeddings().weight
    short, long = PROBE
    model.eval()
    ids = (torch.arange(2 * long, device=embeddings.device).view(2, long) * 7 + 3) % embeddings.shape[0]
    changed = ids.clone()
    changed[0, short:] = (ids[0, short:] + 1) % embeddings.shape[0]
    mask = torch.ones_like(ids)
    mask[0, short:] = 0
    with_mask, without = (
        model.base_model(input_ids=tokens, attention_mask=attention_mask, use_cache=False).last_hidden_state.float()
        for tokens, attention_mask in ((ids, mask), (torch.cat([ids, changed]), None))
    )
    model.train(training)
    masked, unmasked, unmasked_changed = with_mask[0, :short], without[0, :short], without[2, :short]
    unseen = torch.allclose(unmasked, unmasked_changed, rtol=1e-3, atol=1e-3)
    return unseen and bool((unmasked - masked).norm() < CLOSE * masked.norm())
