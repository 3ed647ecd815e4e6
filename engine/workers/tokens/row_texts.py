"""Rows as the text a model reads, with the parts to learn, for every kind of dataset.

Training, the token view and the totals all come through here, so that what is shown is what is trained.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from engine.workers.tokens.chat_spans import PLAIN_TEMPLATE, ChatText, Spans
from engine.workers.tokens.templates import Template
from engine.workers.tokens.tool_text import ToolText
from engine.workers.tokens.vocabulary import Vocabulary

Row = Mapping[str, Any]
Turns = list[dict[str, Any]]

CHATS = ("chat", "preference", "unpaired", "prompt")  # kinds whose columns are lists of turns
CHARACTERS_A_TOKEN = 128  # no token of a chat is longer, so turns further on are cut anyway
STEP_END = "\n"  # what TRL's PRMTrainer puts behind each step, and labels
PLAIN_NOTE = "The model has no chat template; a plain one is used and saved."


@dataclass(frozen=True)
class Source:
    """What to read, and how it is to be learnt."""

    path: Path
    kind: str  # chat, completion, text, preference, unpaired, prompt or stepwise
    max_length: int  # tokens
    answers_only: bool


def prompt_row(row: Row) -> Row:
    """A prompt with its completion, where prompts alone are read, as the prompt and a column with the right answer."""
    if not isinstance(row["prompt"], str):
        return row
    extra = {**(row.get("extra") or {}), "completion": row["completion"]}
    return {"prompt": [{"role": "user", "content": row["prompt"]}], "extra": extra}


@dataclass(frozen=True)
class Side:
    """One text of a row: most rows have one, a preference has `chosen` and `rejected`."""

    name: str
    spans: Spans


class Texts:
    """Rows as text with the spans to learn."""

    def __init__(self, vocabulary: Vocabulary, source: Source) -> None:
        self.vocabulary, self.source = vocabulary, source
        # A model that talks in chats is asked in chats later, so that is how it learns a pair too.
        self.is_chat = source.kind in CHATS or (source.kind == "completion" and vocabulary.template is not None)
        self.uses_plain_template = self.is_chat and vocabulary.template is None
        self.template = Template(vocabulary.template or PLAIN_TEMPLATE, vocabulary.special)
        self.tools = ToolText(self.template)
        self.has_tools = False  # whether a row had some

    def notes(self) -> list[str]:
        """What a person should know about how the rows so far were written."""
        notes = [PLAIN_NOTE] if self.uses_plain_template else []
        return notes + ([self.tools.note()] if self.has_tools and self.tools.note() else [])

    def sides(self, row: Row) -> list[Side]:
        """Raises jinja2.TemplateError when the chat template refuses the row."""
        match self.source.kind:
            case "preference":
                return [self._answer(row, name) for name in ("chosen", "rejected")]
            case "unpaired":
                return [self._answer(row, "completion")]
            case "prompt":
                return [Side("prompt", self._prompt(row))]
            case "stepwise":
                return [Side("", self._steps(row))]
            case "chat":
                return [Side("", self._chat(row["messages"], row))]
            case "completion":
                return [Side("", self._pair(row))]
        text = self._with_eos(row["text"])
        return [Side("", Spans(text, [(0, len(text))]))]

    def _chat(self, turns: Iterable[Row], row: Row, answers_only: bool | None = None) -> Spans:
        fitted, tools = self.tools.fitted(list(turns), row.get("tools"))
        self.has_tools |= bool(row.get("tools")) or any(turn.get("tool_calls") for turn in fitted)
        chat = ChatText(partial(self._render, tools), self.vocabulary.specials, self.vocabulary.eos)
        if self.source.answers_only if answers_only is None else answers_only:
            return chat.answers(fitted, self.source.max_length * CHARACTERS_A_TOKEN)
        return chat.whole(fitted)

    def _render(self, tools: list[Any] | None, turns: Any, add_generation_prompt: bool) -> str:
        shown = [{name: value for name, value in turn.items() if name != "train"} for turn in turns]
        return self.template.render(shown, add_generation_prompt, tools)

    def _answer(self, row: Row, name: str) -> Side:
        """Only the answer is judged, whatever the turns before it."""
        prompt = [{**turn, "train": False} for turn in row["prompt"]]
        return Side(name, self._chat([*prompt, *row[name]], row, answers_only=True))

    def _prompt(self, row: Row) -> Spans:
        """A prompt up to where the model answers: all of it is context."""
        fitted, tools = self.tools.fitted(row["prompt"], row.get("tools"))
        return Spans(self._render(tools, fitted, True), [])

    def _pair(self, row: Row) -> Spans:
        if self.is_chat:
            turns = [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["completion"]}]
            return self._chat(turns, row)
        text = self._with_eos(row["prompt"] + row["completion"])
        return Spans(text, [(len(row["prompt"]) if self.source.answers_only else 0, len(text))])

    def _steps(self, row: Row) -> Spans:
        """The end of each step is learnt: there the model says whether the step is right (TRL's PRMTrainer)."""
        text, parts = row["prompt"] + STEP_END, []
        for step in row["completions"]:
            text += step + STEP_END
            parts.append((len(text) - len(STEP_END), len(text)))
        return Spans(text, parts)

    def _with_eos(self, text: str) -> str:
        eos = self.vocabulary.eos
        return text if eos and text.endswith(eos) else text + eos
