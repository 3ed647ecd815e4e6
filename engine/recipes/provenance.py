"""Where the value of each field of a recipe came from: a preset, the model's card, a probe, a run, or the person.

`Given` is what a source other than the person has set: field -> (origin, value). The form carries it, as JSON. A field
that still has the given value came from there; any other value that is not the default is the person's own. So nothing
has to watch the keyboard: what is shown follows from the values, and a field can go back to what it was given.
"""

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticUndefined

from engine.errors import RefusedError
from engine.recipes import methods
from engine.recipes.choices import tunings
from engine.recipes.recipe import Recipe
from storage.tables import RunFacts

Given = Mapping[str, tuple[str, Any]]

YOU, MODEL_CARD, METHOD, DATASET, PROBE, REMARK, SWEEP, SWEEP_RECIPE, FILE, LESSON, JOB = (
    "you",
    "model card",
    "method",
    "dataset",
    "probe",
    "remark",
    "sweep",  # a trial's own settings
    "sweep's recipe",  # what all its trials share
    "file",
    "first lesson",
    "fine-tuning job",  # of OpenAI's API
)
# Of the first four, `named` says which.
OTHERS = (YOU, MODEL_CARD, METHOD, DATASET, PROBE, REMARK, SWEEP, SWEEP_RECIPE, FILE, LESSON, JOB)
KINDS = ("preset", "recipe", "run", "field", *OTHERS)
MOST_CHARACTERS = 100
SUBJECTS = ("model_id", "dataset_id")  # always chosen, so nothing is said about them

_ORIGIN = re.compile(rf"(?:{'|'.join(KINDS)})(?:: [^\x00-\x1f\x7f]+)?")


@dataclass(frozen=True)
class Source:
    """What a run remembers of where its recipe came from: the origin of each field, the run it repeats, its sweep."""

    origins: Mapping[str, str] = dataclasses.field(default_factory=dict)
    repeats: str | None = None
    trial_of: str | None = None  # the sweep that it is a trial of

    def facts(self) -> RunFacts:
        """As a run keeps it. Raises RefusedError for a field or origin that is none."""
        values = {"origins": checked(self.origins), "repeats": self.repeats, "trial_of": self.trial_of}
        return RunFacts.model_validate({name: value for name, value in values.items() if value})


NO_SOURCE = Source()


def named(kind: str, name: str) -> str:
    """An origin that has a name: "preset: balanced"."""
    return f"{kind}: {name}"[:MOST_CHARACTERS]


def kind_of(origin: str) -> str:
    return origin.partition(": ")[0]


def default(field: str) -> Any:
    """A field's default; None where it has none."""
    value = Recipe.model_fields[field].default
    return None if value is PydanticUndefined else value


def changed(values: Mapping[str, Any]) -> list[str]:
    """The fields in use that are not at their default, in the order of the recipe."""
    return [
        name
        for name in Recipe.model_fields
        if name in values
        and name not in SUBJECTS
        and is_used(values, name)
        and not is_same_value(values[name], default(name))
    ]


def is_used(values: Mapping[str, Any], name: str) -> bool:
    """Whether the method and the tuning in `values` read that field."""
    method, tuning = (str(values.get(field, default(field))) for field in ("method", "tuning"))
    return methods.uses(method, name) and tunings.uses(tuning, name)


def is_same_value(first: Any, second: Any) -> bool:
    """Whether two values of a field mean the same: 1 and 1.0 do, 1 and True do not."""
    return bool(first == second) and isinstance(first, bool) == isinstance(second, bool)


def note_origin(given: Given, values: Mapping[str, Any], origin: str) -> dict[str, tuple[str, Any]]:
    """`given` after a source has set `values`. Put the values into the form too: this only remembers them.

    Raises ValueError for a field that no recipe has, or an origin that is none.
    """
    if unknown := [name for name in values if name not in Recipe.model_fields]:
        raise ValueError(f"{', '.join(unknown)} is not a field of a recipe")
    if not is_origin(origin):
        raise ValueError(f"{origin!r} is not an origin")
    return {**given, **{name: (origin, value) for name, value in values.items() if name not in SUBJECTS}}


def without(given: Given, values: Mapping[str, Any], origins: Iterable[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(values, given) after these origins are taken back: what they gave, and is unchanged, is the default again."""
    removed = {name for name, (origin, _) in given.items() if origin in set(origins)}
    defaults = {
        name: default(name) for name in removed if name in values and is_same_value(values[name], given[name][1])
    }
    return {**values, **defaults}, {name: entry for name, entry in given.items() if name not in removed}


def still_holds(given: Given, values: Mapping[str, Any], origin: str) -> bool:
    """Whether something that this origin gave is still as it was given."""
    return any(source == origin and is_same_value(values.get(name), value) for name, (source, value) in given.items())


def origins_to_show(values: Mapping[str, Any], given: Given) -> dict[str, str]:
    """field -> origin, of every field that is not at its default."""
    return {
        name: given[name][0] if name in given and is_same_value(values[name], given[name][1]) else YOU
        for name in changed(values)
    }


def put_back(field: str, values: Mapping[str, Any], given: Given, basis: Given) -> tuple[Any, str]:
    """What a field goes back to and where that is from: what it was given; or, when it has that, its default.

    `basis` says what stands in place of the default here, such as the learning rate of the method.
    """
    usual = basis.get(field, ("default", default(field)))
    origin, value = given.get(field, usual)
    if is_same_value(values.get(field), value):
        origin, value = usual
    return value, origin


def source_run(given: Given) -> str | None:
    """The run whose recipe the form began with."""
    runs = [origin.partition(": ")[2] for origin, _ in given.values() if kind_of(origin) == "run"]
    return runs[0] if runs else None


def to_json(given: Given) -> str:
    return json.dumps(given)


def from_json(text: str | None) -> dict[str, tuple[str, Any]]:
    """What `to_json` wrote; what a browser kept may be old or broken, and is then left out."""
    try:
        stored = json.loads(text or "{}")
    except ValueError:
        return {}
    pairs = stored.items() if isinstance(stored, dict) else ()
    return {name: (entry[0], entry[1]) for name, entry in pairs if name in Recipe.model_fields and _is_given(entry)}


def _is_given(entry: Any) -> bool:
    return isinstance(entry, list) and len(entry) == 2 and is_origin(entry[0])


def is_origin(text: Any) -> bool:
    """Whether this is a known source, and short."""
    return isinstance(text, str) and len(text) <= MOST_CHARACTERS and _ORIGIN.fullmatch(text) is not None


def checked(origins: Mapping[str, str]) -> dict[str, str]:
    """Origins that a caller brings, of known fields, from known sources. Raises RefusedError."""
    for field, origin in origins.items():
        if field not in Recipe.model_fields:
            raise RefusedError(f"There is no recipe field `{field:.80}`.", "Name the fields as the recipe does.")
        if not is_origin(origin):
            hint = f"Use one of {', '.join(KINDS)}; the first four with a name, as in `preset: balanced`."
            raise RefusedError(f"{origin!r:.80} is not an origin of `{field}`.", hint)
    return dict(origins)
