"""Every operation by its name, and an operation read from what a form, a caller or the database says."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from engine.errors import RefusedError
from engine.rows.shape.add import Add
from engine.rows.shape.clean import Mask, Strip
from engine.rows.shape.deduplicate import Deduplicate
from engine.rows.shape.drop import Drop
from engine.rows.shape.edit import Edit
from engine.rows.shape.filtering import Filter
from engine.rows.shape.merge import Merge
from engine.rows.shape.mix import Mix
from engine.rows.shape.operation import Shaping
from engine.rows.shape.sample import Sample
from engine.rows.shape.shuffle import Shuffle
from engine.rows.shape.split import Split, SplitBy

Change = Annotated[
    Sample | Filter | Edit | Add | Drop | Deduplicate | Mask | Strip | Shuffle, Field(discriminator="op")
]
"""What makes the next version of a dataset."""

Operation = Annotated[
    Sample | Filter | Edit | Add | Drop | Deduplicate | Mask | Strip | Shuffle | Split | SplitBy | Merge | Mix,
    Field(discriminator="op"),
]

_operation: TypeAdapter[Shaping] = TypeAdapter(Operation)


def parse(described: Mapping[str, Any]) -> Shaping:
    """The operation a mapping describes. Raises RefusedError naming the field, its value and the rule."""
    try:
        return _operation.validate_python(dict(described))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        location = ".".join(str(key) for key in first["loc"][1:]) or "op"
        raise RefusedError(
            f"`{location}` is {str(first['input'])[:80]!r}: {first['msg']}.", "Correct the field."
        ) from error


def in_words(described: Mapping[str, Any] | None) -> str:
    """What an operation did; one this studio does not know (from another version of it) is named."""
    if not described:
        return "imported"
    if described.get("op") == "map":  # the same files, read again
        return "read with another mapping"
    try:
        return parse(described).words()
    except RefusedError:
        return str(described.get("op", "changed"))
