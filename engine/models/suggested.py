"""Models that are suggested to a person who looks for one: families that the studio knows, and names while one types.

A suggestion says no more than is known without the hub. `parameters` are computed from the configuration that its
makers have published (tests/engine/models/test_suggested.py computes them again), and what the hub itself says is
checked when it is added.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.models import hub
from storage import db
from storage import work as stored_work
from storage.lists import models as stored
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Model

LEAST_LETTERS = 3  # before the hub is asked: fewer name half of it
MOST_OF_A_KIND = 6
QUIET_SECONDS = 120.0  # in which a hub that has not answered is not asked again for names
ON = ("1", "TRUE", "YES", "ON")


@dataclass(frozen=True)
class Suggestion:
    """A model of the hub, of a family whose architecture, chat format and preset have tests of their own."""

    id: str
    family: str  # as presets call it
    model_type: str  # as transformers calls the architecture
    parameters: int
    licence: str
    use: str  # what it is for, in a few words
    asks_terms: bool = False  # its owners want you to agree to terms on the hub first

    @property
    def size_bytes(self) -> int:
        """Its weights in 16 bits, as they are published."""
        return 2 * self.parameters


SUGGESTED = (
    Suggestion("HuggingFaceTB/SmolLM2-135M-Instruct", "SmolLM2", "llama", 134_515_008, "apache-2.0",
               "The starter: first tries in English, trained on a laptop's processor"),
    Suggestion("HuggingFaceTB/SmolLM2-360M-Instruct", "SmolLM2", "llama", 361_821_120, "apache-2.0",
               "Short answers and forms in English, still small enough for a processor"),
    Suggestion("HuggingFaceTB/SmolLM2-1.7B-Instruct", "SmolLM2", "llama", 1_711_376_384, "apache-2.0",
               "Chat in English on one small GPU"),
    Suggestion("Qwen/Qwen2.5-0.5B-Instruct", "Qwen", "qwen2", 494_032_768, "apache-2.0",
               "Small, and knows many languages"),
    Suggestion("Qwen/Qwen2.5-1.5B-Instruct", "Qwen", "qwen2", 1_543_714_304, "apache-2.0",
               "Chat in many languages, calls of tools, JSON"),
    Suggestion("Qwen/Qwen2.5-Coder-1.5B-Instruct", "Qwen", "qwen2", 1_543_714_304, "apache-2.0",
               "Code, also filled in between two parts on the Code page"),
    Suggestion("Qwen/Qwen3-0.6B", "Qwen", "qwen3", 596_049_920, "apache-2.0",
               "Small, many languages, thinks before it answers where that is wanted"),
    Suggestion("Qwen/Qwen3-4B-Instruct-2507", "Qwen", "qwen3", 4_022_468_096, "apache-2.0",
               "Chat, tools and longer texts on one GPU"),
    Suggestion("meta-llama/Llama-3.2-1B-Instruct", "Llama", "llama", 1_235_814_400, "llama3.2",
               "Chat and summaries in eight languages", asks_terms=True),
    Suggestion("google/gemma-2-2b-it", "Gemma", "gemma2", 2_614_341_888, "gemma",
               "Chat in English", asks_terms=True),
    Suggestion("microsoft/Phi-3.5-mini-instruct", "Phi", "phi3", 3_821_079_552, "mit",
               "Reasoning, mathematics and code on one GPU"),
    Suggestion("mistralai/Mistral-7B-Instruct-v0.3", "Mistral", "mistral", 7_248_023_552, "apache-2.0",
               "Chat and calls of tools on a larger GPU"),
)  # fmt: skip


@dataclass(frozen=True)
class Names:
    """What is suggested for a part of a name. `more`: the hub has been asked, and has not answered yet."""

    here: Sequence[Model] = ()
    suggested: Sequence[Suggestion] = ()
    hub: Sequence[dict[str, Any]] = ()
    more: bool = False


class _Hub:
    quiet_until = 0.0


def names(text: str) -> Names:
    """What a part of a name may mean: models of the studio, suggestions, and what the hub has of that name.

    It returns at once, and a hub that does not answer is left in peace for two minutes: nobody is told.
    """
    words = text.lower().split()
    if not words or len(text) > hub.MOST_LETTERS:
        return Names(suggested=() if words else SUGGESTED[:MOST_OF_A_KIND])
    with db.reading() as session:
        here = stored.page(session, stored.Filters(search=" ".join(words)), MOST_OF_A_KIND)
    known = [one for one in SUGGESTED if all(word in one.id.lower() for word in words)][:MOST_OF_A_KIND]
    entries, more = of_hub(text)
    shown = {one.id for one in known} | {model.source_id for model in here}
    others = [entry for entry in entries if entry["id"] not in shown]
    return Names(here, [one for one in known if not _is_here(one, here)], others[:MOST_OF_A_KIND], more)


def _is_here(one: Suggestion, here: Sequence[Model]) -> bool:
    return any(model.source == "hub" and model.source_id == one.id for model in here)


def of_hub(text: str) -> tuple[Sequence[dict[str, Any]], bool]:
    """What the hub has of that name, and whether it is still being asked. One question at a time."""
    if len(text.strip()) < LEAST_LETTERS or _is_offline():
        return (), False
    asked = hub.search_for(text)
    latest = hub.latest(asked)
    if latest is not None and latest.status == WorkStatus.SUCCEEDED:
        return latest.result["models"], False
    if latest is not None and latest.status in WORK_MOVING:
        return (), True
    if latest is not None:
        _Hub.quiet_until = max(_Hub.quiet_until, (latest.ended_at or 0.0) + QUIET_SECONDS)
    if time.time() < _Hub.quiet_until:
        return (), False
    with db.reading() as session:
        another_is_asked = stored_work.any_moving(session, hub.SEARCH)
    if not another_is_asked:
        hub.begin(asked)
    return (), True


def _is_offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ON


def forget_silence() -> None:
    """The hub may be asked again at once."""
    _Hub.quiet_until = 0.0
