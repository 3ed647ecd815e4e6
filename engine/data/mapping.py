"""A mapping: which column of a file is which part of a row, and what its roles mean. What it says comes before guesses.

Found by looking (`engine.data.suggest`) or written by a person; `engine.data.formats` reads rows by it.
"""

from collections import abc
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from engine.data.verdict import Kind
from engine.errors import RefusedError

Role = Literal["system", "user", "assistant", "tool"]
ROLES: tuple[Role, ...] = get_args(Role)
KINDS: tuple[Kind, ...] = get_args(Kind)
LONGEST_NAME = 200
MOST_NAMES = 60


@dataclass(frozen=True)
class Part:
    """One part of a row, for people: its name, and what belongs into it."""

    name: str
    label: str
    about: str


_MESSAGES = Part("messages", "Chat", "A list of turns, each with who speaks and what is said.")
_PROMPT = Part("prompt", "Prompt", "The question; text, or a list of turns.")
_INPUT = Part("input", "Input", "More text that belongs to the question; it follows it on a line of its own.")
_COMPLETION = Part("completion", "Answer", "What the model shall answer; text, or a list of turns.")
_SYSTEM = Part("system", "System", "How the model shall behave; it comes before the first turn.")
_HISTORY = Part("history", "History", "Earlier exchanges, as a list of [question, answer].")
_TOOLS = Part("tools", "Tools", "The functions a model may call, as a list of JSON schemas.")

PARTS: dict[Kind, tuple[Part, ...]] = {
    "chat": (_MESSAGES, _PROMPT, _INPUT, _COMPLETION, _SYSTEM, _HISTORY, _TOOLS),
    "completion": (_PROMPT, _INPUT, _COMPLETION),
    "text": (Part("text", "Text", "Text to learn as it stands."),),
    "preference": (
        _PROMPT,
        Part("chosen", "Chosen", "The better answer; text, one turn, or a list of turns."),
        Part("rejected", "Rejected", "The worse answer; text, one turn, or a list of turns."),
        _SYSTEM,
        _TOOLS,
    ),
    "unpaired": (
        _MESSAGES,
        _PROMPT,
        _COMPLETION,
        Part("label", "Label", "Whether the answer is good: true or false, 1 or 0."),
        _SYSTEM,
        _TOOLS,
    ),
    "prompt": (_MESSAGES, _PROMPT, _INPUT, _SYSTEM, _TOOLS),
    "stepwise": (
        _PROMPT,
        Part("completions", "Steps", "The answer as a list of steps."),
        Part("labels", "Labels", "Whether each step is right: a list as long as the steps."),
    ),
}
# What each kind cannot do without: one of these sets of parts.
NEEDED: dict[Kind, tuple[tuple[str, ...], ...]] = {
    "chat": (("messages",), ("prompt", "completion")),
    "completion": (("prompt", "completion"),),
    "text": (("text",),),
    "preference": (("chosen", "rejected"),),
    "unpaired": (("messages", "label"), ("prompt", "completion", "label")),
    "prompt": (("prompt",), ("messages",)),
    "stepwise": (("prompt", "completions", "labels"),),
}
WITHOUT_MESSAGES = {"prompt", "input", "completion", "history"}  # parts of a row that has no list of turns


class Mapping(BaseModel):
    """Which column is which part, what the roles mean, and under which keys a turn says who and what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Field(description="What the rows become: chat, completion, text, preference ...")
    parts: dict[str, str] = Field(description="Name of a part of the row -> name of the column it is in.")
    roles: dict[str, Role] = Field(
        default_factory=dict,
        description="What a role is called in the file -> system, user, assistant or tool. The usual names are known.",
    )
    who: str = Field(default="", max_length=LONGEST_NAME, description="Key of a turn that says who speaks, if unusual.")
    what: str = Field(default="", max_length=LONGEST_NAME, description="Key of a turn with what is said, if unusual.")

    @field_validator("parts", "roles")
    @classmethod
    def _bounded(cls, names: dict[str, str]) -> dict[str, str]:
        if len(names) > MOST_NAMES or any(len(one) > LONGEST_NAME for pair in names.items() for one in pair):
            raise ValueError(f"at most {MOST_NAMES} names of at most {LONGEST_NAME} characters")
        return names

    @model_validator(mode="after")
    def _whole(self) -> Self:
        known = [part.name for part in PARTS[self.kind]]
        if strange := [name for name in self.parts if name not in known]:
            raise ValueError(f"`{strange[0]}` is no part of a {self.kind} row; its parts are {', '.join(known)}")
        taken: dict[str, str] = {}
        for part, column in self.parts.items():
            if not column:
                raise ValueError(f"`{part}` names no column; leave it out")
            if column in taken:
                raise ValueError(f"the column `{column}` is taken twice, for `{taken[column]}` and for `{part}`")
            taken[column] = part
        if not any(set(needed) <= set(self.parts) for needed in NEEDED[self.kind]):
            ways = ", or ".join(" and ".join(f"`{name}`" for name in needed) for needed in NEEDED[self.kind])
            raise ValueError(f"a {self.kind} row needs {ways}")
        if "messages" in self.parts and (both := WITHOUT_MESSAGES & set(self.parts)):
            raise ValueError(f"a row is written either as `messages` or with `{sorted(both)[0]}`, not both")
        return self


def parse(values: abc.Mapping[str, Any]) -> Mapping:
    """A mapping from plain values. Raises RefusedError that says in words what does not hold."""
    try:
        return Mapping.model_validate(values)
    except ValidationError as error:
        raise RefusedError(f"The mapping does not hold: {_words(error)}.", "Choose the columns again.") from error


def _words(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    said = str(first["msg"]).removeprefix("Value error, ")
    where = ".".join(str(one) for one in first["loc"])
    return f"{where}: {said}" if where else said


def check_columns(mapping: Mapping, columns: Iterable[str]) -> None:
    """Raises RefusedError when the file has no column of a name that the mapping uses."""
    known = list(columns)
    for part, column in mapping.parts.items():
        if column not in known:
            listed = ", ".join(f"`{name[:60]}`" for name in known[:20]) or "none"
            raise RefusedError(
                f"There is no column `{column[:100]}` for `{part}`.", f"The columns of the file: {listed}."
            )
