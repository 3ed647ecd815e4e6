"""What people write on datasets and models (name, tags, description), and the same done with many of them at once.

It is ground: of the engine it knows names and errors only.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine import names
from engine.errors import RefusedError, TunesmithError
from storage.tables import Dataset, Model

LONGEST_DESCRIPTION = 2000
MOST_AT_ONCE = 200

Action = Literal["delete", "tag", "untag"]
Thing = Literal["dataset", "model"]


@dataclass(frozen=True)
class Change:
    """New values; None leaves what there is."""

    name: str | None = None
    tags: Sequence[str] | None = None
    description: str | None = None

    def checked(self, thing: Thing) -> dict[str, Any]:
        """Column -> value as it is kept. Raises RefusedError."""
        values: dict[str, Any] = {}
        if self.name is not None:
            values["name"] = names.checked(self.name, thing)
        if self.tags is not None:
            values["tags"] = names.checked_tags(self.tags, thing)
        if self.description is not None:
            values["description"] = names.checked_note(self.description, "description", LONGEST_DESCRIPTION)
        return values


@dataclass(frozen=True)
class Outcome:
    """What was done with several, why not with others (`id` and `message` of each), and how to undo it (None: not)."""

    done: list[str] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)
    undo: str | None = None


def write(rows: Iterable[Dataset | Model], values: dict[str, Any]) -> None:
    """Sets the columns of rows that belong to a session."""
    for row in rows:
        for column, value in values.items():
            setattr(row, column, value)


def with_tag(tags: Sequence[str], action: Action, tag: str, thing: Thing) -> list[str]:
    """The tags of a thing with one more, or without it. Raises RefusedError for one that cannot be kept, or none."""
    checked = names.checked_tags([tag], thing)
    if not checked:
        raise RefusedError("No tag is named.", "Write the tag.")
    others = [kept for kept in tags if kept not in checked]
    return names.checked_tags([*others, *checked], thing) if action == "tag" else others


def with_each(ids: Sequence[str], thing: Thing, act: Callable[[str], object]) -> Outcome:
    """Does it with each; what one refuses does not keep the others from it. RefusedError for none, or too many."""
    row_ids = list(dict.fromkeys(ids))
    if not 1 <= len(row_ids) <= MOST_AT_ONCE:
        message = f"{len(row_ids)} {thing}s cannot be changed at once."
        raise RefusedError(message, f"Name 1 to {MOST_AT_ONCE} {thing}s.")
    outcome = Outcome()
    for row_id in row_ids:
        try:
            act(row_id)
        except TunesmithError as error:
            outcome.refused.append({"id": row_id, "message": str(error)})
        else:
            outcome.done.append(row_id)
    return outcome
