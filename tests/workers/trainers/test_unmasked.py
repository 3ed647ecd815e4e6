"""Rows padded behind are computed without a mask where that changes nothing, and with one everywhere else."""

from typing import Any

import pytest
import torch
import transformers

from engine.workers.trainers import unmasked
from tests.workers.trainers.families import FAMILIES, random_model

ENDS = (5, 9, 12)  # tokens of three rows


def rows(left: bool = False) -> dict[str, torch.Tensor]:
    ids = torch.arange(36).view(3, 12) + 4
    mask = torch.stack([(torch.arange(12) < end).long() for end in ENDS])
    return {"input_ids": ids, "attention_mask": mask.flip(1) if left else mask}


def recorded_masks(model: Any) -> list[bool]:
    """Lets a model remember whether its decoder was told a mask."""
    masks: list[bool] = []
    model.base_model.register_forward_pre_hook(
        lambda _, args, kwargs: masks.append(kwargs.get("attention_mask") is not None), with_kwargs=True
    )
    return masks


class Bidirectional(transformers.LlamaModel):  # type: ignore[misc]
    """A decoder whose tokens hear of those behind them."""

    def forward(self, *args: Any, attention_mask: torch.Tensor | None = None, **kwargs: Any) -> Any:
        output = super().forward(*args, attention_mask=attention_mask, **kwargs)
        weights = (
            torch.ones_like(output.last_hidden_state[..., :1]) if attention_mask is None else attention_mask[..., None]
        )
        mean_state = (output.last_hidden_state * weights).sum(1, keepdim=True) / weights.sum(1, keepdim=True)
        output.last_hidden_state = output.last_hidden_state + mean_state
        return output


@pytest.mark.parametrize("family", FAMILIES)
def test_real_tokens_are_the_same_without_a_mask(family: str) -> None:
    model = random_model(FAMILIES[family]).eval()
    expected = model.base_model(**rows(), use_cache=False).last_hidden_state
    assert unmasked.needs_no_mask(model)
    masks = recorded_masks(model)
    actual = unmasked.hidden(model, rows())
    assert masks == [False]
    for row, end in enumerate(ENDS):
        assert torch.allclose(actual[row, :end], expected[row, :end], rtol=1e-4, atol=1e-4)


def test_rows_padded_in_front_keep_their_mask() -> None:
    model = random_model(FAMILIES["llama"]).eval()
    expected = model.base_model(**rows(left=True), use_cache=False).last_hidden_state
    assert torch.equal(unmasked.hidden(model, rows(left=True)), expected)


def test_a_model_that_hears_what_comes_later_keeps_its_mask() -> None:
    model = random_model(FAMILIES["llama"]).eval()
    model.model.__class__ = Bidirectional
    assert not unmasked.needs_no_mask(model)
    expected = model.base_model(**rows(), use_cache=False).last_hidden_state
    assert torch.equal(unmasked.hidden(model, rows()), expected)


def test_a_model_is_tried_once_and_stays_in_training() -> None:
    model = random_model(FAMILIES["llama"]).train()
    masks = recorded_masks(model)
    for _ in range(3):
        unmasked.hidden(model, rows())
    assert masks == [True, False] + [False] * 3
    assert model.training
