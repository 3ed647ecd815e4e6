"""How answers are drawn: one set of settings for both models, and one of its own for either that differs.

They are kept with each answer, so a chat that is opened again has those of its last answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from engine.chat import asking, chat, rows
from engine.chat.sampling import Sampling, seed_of, stops_of
from pages.chat import beside
from storage.tables import Message

SIDES: tuple[chat.Side, chat.Side] = ("tuned", "base")
Values = Sequence[Any]
"""A set: system prompt, temperature, longest answer, top-p, seed, texts to stop at, repetition penalty."""
FIELDS = 7
USUAL: Values = ("", 0, 256, 1, "", "", 1)
MOST_TOKENS, LEAST_TOP_P, MOST_PENALTY = 4096, 0.05, 2.0  # where the sliders end


@dataclass(frozen=True)
class Settings:
    """The components, in the order in which events send their values."""

    shared: list[Any]
    area: Any  # around all that is of one model alone
    switches: list[Any]
    columns: list[Any]
    own: list[list[Any]]
    dataset_name: Any

    def inputs(self) -> list[Any]:
        return [*self.shared, *self.switches, *self.own[0], *self.own[1]]


def settings() -> Settings:
    """The fields for both models, those of each alone, and at last where chats are kept for training; folded."""
    with gr.Accordion("Settings", open=False, elem_id="chat-settings"):
        shared = _fields("")
        with gr.Row(visible=False, elem_id="chat-own", elem_classes="ts-form-row") as area:
            sides = [_own(side) for side in SIDES]
        dataset_name = gr.Textbox(
            rows.NAME, label="Keep chats for training in the dataset", max_length=120, elem_id="chat-keep-in"
        )
    switches, columns, own = ([one[part] for one in sides] for part in range(3))
    return Settings(shared, area, switches, columns, own, dataset_name)


def _own(side: chat.Side) -> tuple[Any, Any, list[Any]]:
    with gr.Column(min_width=260):
        switch = gr.Checkbox(False, label="Own settings", container=False, elem_id=f"chat-own-{side}")
        with gr.Column(visible=False) as column:
            own = _fields(f"-{side}")
    return switch, column, own


def _fields(of: str) -> list[Any]:
    system = gr.Textbox("", label="System prompt", lines=2, max_length=20_000, elem_id=f"chat-system{of}")
    with gr.Row(elem_classes="ts-form-row"):
        temperature = gr.Slider(
            0, 2, 0, step=0.05, label="Temperature", info="0 always picks the most likely token.",
            elem_id=f"chat-heat{of}",
        )  # fmt: skip
        max_tokens = gr.Slider(1, MOST_TOKENS, 256, step=1, label="Longest answer, in tokens", elem_id=f"chat-most{of}")
    with gr.Row(elem_classes="ts-form-row"):
        top_p = gr.Slider(
            LEAST_TOP_P, 1, 1, step=0.05, label="Top-p", info="Less than 1 leaves unlikely tokens out.",
            elem_id=f"chat-top-p{of}",
        )  # fmt: skip
        penalty = gr.Slider(
            1, MOST_PENALTY, 1, step=0.05, label="Repetition penalty", info="More than 1 avoids what was said before.",
            elem_id=f"chat-penalty{of}",
        )  # fmt: skip
        seed = gr.Textbox(
            "", label="Seed", info="The same seed gives the same answer.", max_length=20, elem_id=f"chat-seed{of}"
        )
        stops = gr.Textbox(
            "", label="Stop at", info="Texts that end an answer, one a line, four at most.", lines=1, max_lines=4,
            max_length=1000, elem_id=f"chat-stops{of}",
        )  # fmt: skip
    return [system, temperature, max_tokens, top_p, seed, stops, penalty]


def switched(is_on: bool, *shared: Any) -> list[Any]:
    """Shows the fields of one model alone, beginning with what is set for both; or hides them."""
    return [gr.update(visible=is_on), *(shared if is_on else [gr.skip()] * FIELDS)]


def answerers(model: str | None, other: str | None, values: Values) -> asking.Answerers:
    """Who answers on each side, with the values of `Settings.inputs`. Raises RefusedError for what is not one."""
    models = beside.models(model, other)
    shared, switches, own = values[:FIELDS], values[FIELDS : FIELDS + 2], values[FIELDS + 2 :]
    own_of = {"tuned": own[:FIELDS], "base": own[FIELDS:]}
    is_own = {side: is_on and len(models) > 1 for side, is_on in zip(SIDES, switches, strict=True)}
    return {side: _answerer(name, own_of[side] if is_own[side] else shared) for side, name in models.items()}


def _answerer(model: str, values: Values) -> asking.Answerer:
    system, temperature, max_tokens, top_p, seed, stops, penalty = values
    sampling = Sampling(temperature, int(max_tokens), top_p, seed_of(seed or ""), stops_of(stops or ""), penalty)
    return asking.Answerer(model, system or "", sampling)


def of_last(turns: Sequence[Message]) -> list[Any]:
    """What the page shows of a chat's settings: for `Settings.inputs`, then whether each column stands open."""
    last = {turn.side: _values(turn) for turn in turns if turn.sampling}
    shared = last.get("tuned")
    if shared is None:
        return [gr.skip()] * (3 * FIELDS + 4)
    base = last.get("base", shared)
    is_own = base != shared
    return [*shared, False, is_own, *shared, *base, gr.update(visible=False), gr.update(visible=is_own)]


def _values(answer: Message) -> Values:
    """Those of a stored answer, as far as the fields go: over REST more is possible."""
    kept = answer.sampling or {}
    seed = "" if kept["seed"] is None else str(kept["seed"])
    top_p, most = max(LEAST_TOP_P, kept["top_p"]), min(MOST_TOKENS, kept["max_tokens"])
    penalty = min(MOST_PENALTY, max(1, kept.get("repetition_penalty", 1)))
    return answer.system, kept["temperature"], most, top_p, seed, "\n".join(kept["stop"]), penalty
