"""A model of the hub held against this machine before it is fetched: the download, the disk, the memory of a training.

It is judged by the same code as a model that is here (engine.weights.inspection, engine.fit.memory), from its small
files and the headers of its weights.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from engine.errors import TunesmithError
from engine.fit import memory
from engine.models import download_room, hub
from engine.process import work
from engine.recipes.recipe import Recipe
from engine.weights import inspection
from engine.weights.files import Tensor
from engine.weights.inspection import Inspection
from storage import db, home, models
from storage.tables import Model, Work

Tuning = Literal["full", "lora", "qlora"]
TUNINGS: tuple[Tuning, ...] = ("full", "lora", "qlora")


@dataclass(frozen=True)
class Reason:
    """Why not, and what to do about it."""

    message: str
    hint: str = ""


@dataclass(frozen=True)
class Need:
    """What a training of the model takes with one tuning: the recipe's defaults otherwise."""

    tuning: Tuning
    memory_bytes: int
    fits: bool


@dataclass(frozen=True)
class Checked:
    """A model of the hub, and how it suits this machine. `refusals` forbid the download, `warnings` do not."""

    id: str
    revision: str
    gated: bool
    private: bool
    downloads: int | None
    likes: int | None
    licence: str | None
    architecture: str | None
    parameters: int | None
    dtype: str | None
    context_length: int | None
    has_chat_template: bool | None
    size_bytes: int
    free_disk_bytes: int
    memory_bytes: int  # what a training can count on here
    model_id: str | None  # of the studio, if it has the model already
    needs: tuple[Need, ...] = ()
    refusals: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = field(default=())

    @property
    def can_be_fetched(self) -> bool:
        return not self.refusals

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"can_be_fetched": self.can_be_fetched}


def check(hub_id: str, seconds: float = hub.WAIT_SECONDS) -> Checked:
    """Asks the hub, and says how the model suits this machine. Raises RefusedError, TunesmithError."""
    return judged(hub.answer(hub.look_at(hub_id), seconds))


def judged(look: Work) -> Checked:
    """What a look that has succeeded means on this machine now: the disk fills and empties."""
    facts, folder = look.result, work.folder(look) / "look"
    known = _inspected(folder, int(facts["weights_bytes"])) if facts["refusal"] is None else Inspection(folder)
    with db.reading() as session:
        here = models.by_source(session, "hub", str(facts["id"]))
    return Checked(
        id=str(facts["id"]),
        revision=str(facts["revision"]),
        gated=facts["gated"],
        private=facts["private"],
        downloads=facts["downloads"],
        likes=facts["likes"],
        licence=known.licence,
        architecture=known.architecture,
        parameters=known.parameters,
        dtype=known.dtype,
        context_length=known.context_length,
        has_chat_template=known.has_chat_template if facts["refusal"] is None else None,
        size_bytes=facts["size_bytes"],
        free_disk_bytes=home.free_bytes(),
        memory_bytes=memory.available_bytes(),
        model_id=here.id if here else None,
        needs=_needs(known),
        refusals=_refusals(facts, known, here),
        warnings=_warnings(known),
    )


def _inspected(folder: Path, weights_bytes: int) -> Inspection:
    try:
        rows = json.loads((folder / "tensors.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise TunesmithError("What was seen of the model is gone.", "Check it again.") from error
    tensors = [Tensor(name, dtype, tuple(shape)) for name, dtype, shape in rows]
    return inspection.described(folder, tensors, weights_bytes)


def _refusals(facts: dict[str, Any], known: Inspection, here: Model | None) -> tuple[Reason, ...]:
    """Why it would not be fetched: what the download itself would say later."""
    name = str(facts["id"])
    if facts["refusal"] is not None:
        return (Reason(*facts["refusal"]),)
    reasons = [
        Reason(f"{name} cannot be trained here. {reason}", "Choose another model.")
        for reason in inspection.config_reasons(known.config)
    ]
    if here is None and (full := download_room.lacking(name, facts["size_bytes"], 0, home.free_bytes())):
        reasons.append(Reason(*full))
    return tuple(reasons)


def _warnings(known: Inspection) -> tuple[Reason, ...]:
    """Why it could be fetched and not trained here."""
    if not known.tensors:
        return ()
    refused = inspection.config_reasons(known.config)
    others = [Reason(reason) for reason in known.reasons if reason not in refused]
    too_big = memory.too_big_inspected(known)
    return (*others, *([Reason(too_big, "Train it on a larger machine.")] if too_big else []))


def _needs(known: Inspection) -> tuple[Need, ...]:
    """The memory of a training with each tuning, by the recipe's defaults."""
    if not known.tensors:
        return ()
    available, needs = memory.available_bytes(), []
    for tuning in TUNINGS:
        needed = memory.of_inspected(known, known.parameters or 0, recipe_with(tuning)).total
        needs.append(Need(tuning, needed, needed <= available))
    return tuple(needs)


def recipe_with(tuning: Tuning) -> Recipe:
    """The training that is reckoned with: the recipe's defaults with that tuning."""
    return Recipe(model_id="any", dataset_id="any", tuning=tuning)
