"""Values that many operations take, checked once: names, ids, pages of a list."""

import unicodedata
from typing import Annotated

from fastapi import Path, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

LARGEST = 2**53  # whole numbers above it do not survive JSON in a browser
MOST_LISTED = 1000


def clean_text(text: str) -> str:
    """Text as people write it: one way to write each letter, no control characters, nothing UTF-8 cannot hold."""
    text = unicodedata.normalize("NFC", text).strip()
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Cs") and letter != "\u200d" for letter in text):
        raise ValueError("control characters are not allowed")
    if not text:
        raise ValueError("it is empty")
    return text


class Body(BaseModel):
    """What a caller sends: unknown fields are an error, as they are mostly misspelt ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Answer(BaseModel):
    """What the studio answers: read from a row or a plain value."""

    model_config = ConfigDict(from_attributes=True)


Name = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(clean_text)]
Text = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(clean_text)]
RowId = Annotated[
    str, Field(pattern=r"^[0-9a-z-]{1,64}$", description="The id of a thing: lower case letters and digits.")
]
PathId = Annotated[str, Path(alias="id", pattern=r"^[0-9a-z-]{1,64}$", description="The id, as the list shows it.")]
NamedId = Annotated[  # app.named_paths has put the id in place of a name
    str,
    Path(
        alias="id",
        min_length=1,
        max_length=255,
        description="The id, or the name if only one has it; a `/` in a name is written `%2F`.",
    ),
]
ProjectFilter = Annotated[
    str | None, Query(pattern=r"^[0-9a-z-]{1,64}$", description="Only what belongs to this project. All when left out.")
]
Offset = Annotated[int, Query(ge=0, le=LARGEST, description="How many to skip from the start.")]
Limit = Annotated[int, Query(ge=1, le=MOST_LISTED, description="How many to answer with at most.")]
After = Annotated[int, Query(ge=0, le=LARGEST, description="The cursor an earlier answer gave; 0 starts at the top.")]


def total(response: Response, count: int) -> None:
    """Tells how long the whole list is."""
    response.headers["X-Total-Count"] = str(count)
