"""Defaults that give way: where a default contradicts what somebody chose, it becomes what fits that.

Nobody set the default, so a refusal would be about a field that its reader has never seen. What was chosen, and is no
default, is refused where it contradicts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.recipes.choices.optimisers import OPTIMISERS


@dataclass(frozen=True)
class Yielding:
    """`field` becomes another value than its `default`, because of what was chosen in another field."""

    field: str
    default: str
    becomes: str
    chosen: str
    contradicts: Callable[[Any], bool]  # the chosen value
    why: str

    def is_asked(self, values: Mapping[str, Any]) -> bool:
        """Whether the chosen value contradicts the default."""
        return self.contradicts(values.get(self.chosen))

    def __str__(self) -> str:
        return f"{self.field} becomes {self.becomes}: {self.why}"


YIELDING = (
    Yielding(
        "train_sampling_strategy",
        "group_by_length",
        "random",
        "packing",
        lambda packing: packing is True,
        "with packing every sequence is full, so there are no lengths to sort by.",
    ),
    Yielding(
        "lr_scheduler_type",
        "linear",
        "constant",
        "optim",
        lambda name: isinstance(name, str) and name in OPTIMISERS and OPTIMISERS[name].steady,
        "this optimiser finds its own schedule.",
    ),
)


def giving_way(values: Mapping[str, Any]) -> list[Yielding]:
    """The defaults that stand in these values and give way."""
    return [rule for rule in YIELDING if rule.is_asked(values) and values.get(rule.field, rule.default) == rule.default]
