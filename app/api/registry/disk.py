"""What takes the disk over REST, and what is safe to remove."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body
from engine.errors import BusyError
from engine.registry import disk

router = APIRouter(prefix="/disk", tags=["registry"])


class ThingAnswer(Answer):
    kind: str = Field(description="run, dataset, model, export or other.")
    id: str = Field(description="Its id.")
    name: str = Field(description="What it is called.")
    size_bytes: int = Field(description="Bytes on the disk.")
    used_by: list[str] = Field(description="What uses it, in words.")


class RemovableAnswer(Answer):
    id: str = Field(description="For the clean-up.")
    name: str = Field(description="What it is.")
    why: str = Field(description="Why it is safe to go.")
    size_bytes: int = Field(description="Bytes on the disk.")


class LookAnswer(Answer):
    at: float = Field(description="When it was looked at, in seconds since 1970; at most a minute ago.")
    free_bytes: int = Field(description="Free on the disk.")
    things: list[ThingAnswer] = Field(description="The largest things, the largest first.")
    kinds: dict[str, int] = Field(description="Bytes by kind: run, dataset, model, export, and the other folders.")
    removable: list[RemovableAnswer] = Field(description="What is safe to remove, the largest first.")


class CleanUpBody(Body):
    ids: Annotated[list[str], Field(min_length=1, max_length=1000, description="Ids of the clean-up list.")]


class CleanedAnswer(Answer):
    removed_bytes: int = Field(description="How much was removed.")


@router.get("", summary="What takes the disk")
def show_disk() -> LookAnswer:
    """The largest things with what uses them, and what is safe to remove. 503 while a large home is looked at."""
    looked = disk.latest()
    if looked is None:
        raise BusyError("The disk is being measured.", "Ask again in some seconds.")
    return LookAnswer.model_validate(looked.to_json())


@router.post("/clean-up", summary="Remove what is safe to go", responses=NOT_FOUND | CONFLICT)
def clean_up(body: CleanUpBody) -> CleanedAnswer:
    """Removes things of the clean-up list, for ever. Refused whole when one of them is in use by now."""
    return CleanedAnswer(removed_bytes=disk.remove(body.ids))
