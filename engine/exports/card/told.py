"""What a card tells, gathered elsewhere (engine.exports.facts)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["adapter", "merged", "gguf"]


@dataclass(frozen=True)
class Facts:
    """What the card tells."""

    name: str  # of the run
    folder_name: str  # what its new owner's folder is called
    kind: Kind
    base_name: str  # its id on the hub, or what the studio calls it
    on_hub: bool  # whether base_name can be loaded from there
    licence: str | None
    dataset: str
    recipe: Mapping[str, Any]
    metrics: Mapping[str, float]  # the last value of each
    step: int
    versions: Mapping[str, str]
    rank: int | None = None  # of a LoRA, as it is saved
    notes: tuple[str, ...] = ()
    data: tuple[str, ...] = ()  # of the dataset: rows, size, hash
    file: str | None = None  # of a GGUF
    base_file: str | None = None  # of the base, as a GGUF, where an adapter alone is one
    parity: Mapping[str, Any] | None = None  # how exact it is; see engine.exports.parity
    report: Mapping[str, Any] | None = None  # of engine.evaluate: the first on this run

    @property
    def scores(self) -> bool:
        """Whether it is a reward model."""
        return self.recipe.get("method") == "reward"

    @property
    def base(self) -> str:
        """The base as an argument of from_pretrained."""
        return self.base_name if self.on_hub else f"FOLDER_OF_{self.base_name}"


def fence(language: str, content: str) -> str:
    """Code, as Markdown shows it."""
    return f"```{language}\n{content}\n```"
