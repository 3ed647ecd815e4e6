"""Which two models a chat asks: the chosen one, and beside it its base, any other one, or nothing."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from engine.chat import chat
from engine.serve import routing
from storage.tables import Message

ITS_BASE, NOTHING = "Its base", "Nothing"
SIDES = ("Tuned", "Base")  # values of the choice between both, where there is no room for them
LONGEST_LABEL = 28


def base_of(model: str) -> str:
    return f"{model.split(':')[0]}:base"


def served() -> list[str]:
    return [str(model["id"]) for model in routing.served_models()]


def model_or_first(model: str | None) -> str:
    """What was chosen; before the page has chosen, the first that answers."""
    return model or next(iter(served()), "")


def second(model: str | None, beside: str | None) -> str:
    """The served name of the second model; empty where none is wanted, or where the model has no base here."""
    if beside in (None, "", NOTHING):
        return ""
    if beside != ITS_BASE:
        return str(beside)
    base = base_of(model_or_first(model))
    return base if base in served() and base != model else ""


def models(model: str | None, beside: str | None) -> dict[chat.Side, str]:
    """Who answers on each side."""
    chosen = model_or_first(model)
    other = second(chosen, beside)
    asked: dict[chat.Side, str] = {"tuned": chosen}
    return asked | ({"base": other} if other else {})


def choices(names: Sequence[str]) -> list[str]:
    """What may stand beside a model."""
    return [ITS_BASE, NOTHING, *names]


def last_beside(turns: Sequence[Message], wanted: str | None) -> str:
    """What the address wants beside the model; else what answered there last; else its base."""
    if wanted:
        return wanted
    last = {side: next((turn for turn in reversed(turns) if turn.side == side), None) for side in ("tuned", "base")}
    tuned, base = last["tuned"], last["base"]
    if base is None or not base.model or (tuned is not None and base.model == base_of(tuned.model)):
        return ITS_BASE
    return base.model


def shown(model: str | None, beside: str | None) -> tuple[dict[str, Any], ...]:
    """Both sides under the names of their models, the choice between them for narrow windows, and settings of each."""
    first, other = model or "Model", second(model, beside)
    sides = [(_short(first), SIDES[0]), (_short(other or "Nothing"), SIDES[1])]
    own = (gr.update(label=f"Own settings for {_short(name)}") for name in (first, other))
    return (
        gr.update(label=_short(first)),
        gr.update(label=_short(other or "Base"), visible=bool(other)),
        gr.update(choices=sides),
        gr.update(visible=bool(other)),
        *own,
    )


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_LABEL else f"{name[: LONGEST_LABEL - 1]}…"
