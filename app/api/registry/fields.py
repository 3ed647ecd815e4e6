"""What the operations of the registry take and answer: names, versions, who asks."""

from typing import Annotated, Any, Literal

from fastapi import Path, Request
from pydantic import Field

from app.answers.fields import Answer
from engine.registry import gates
from engine.registry.versions import Stage

MOST_TEXT = 4000

ModelName = Annotated[str, Path(max_length=200, description="The model's name in the registry.")]
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="The version's number.")]
AliasName = Annotated[str, Path(max_length=200, description="The alias, such as production.")]
Note = Annotated[str, Field(max_length=MOST_TEXT, description="A remark, in plain words.")]
Tags = Annotated[list[str], Field(max_length=100, description="Short words to find it by.")]
Why = Annotated[str, Field(min_length=1, max_length=500, description="Why it is moved; the log keeps it.")]
Gate = Annotated[
    gates.Gate | bool | None,
    Field(
        description="Moves it only if the first report on the version's run says so: better, or not_worse. "
        "true is better."
    ),
]


def who(request: Request) -> str:
    """Who asks, as the log keeps it: the name of the API key, or the owner of the studio."""
    key = request.scope.get("state", {}).get("key")
    return f"API key {key.name}" if key is not None else "the owner, over REST"


class FollowerAnswer(Answer):
    """An endpoint that follows an alias."""

    endpoint_id: str = Field(description="The endpoint's id.")
    endpoint: str = Field(description="Its name.")
    alias: str = Field(description="The alias it follows.")
    version: int | None = Field(description="The version it was last deployed with.")
    status: Literal["serving", "deploying", "failed", "stopped", "other"] = Field(
        description="serving: it answers with that version. other: something else was deployed to it by hand since."
    )
    error: str | None = Field(description="Why the version could not be deployed.")
    hint: str | None = Field(description="What to do about it.")


class ModelVersionAnswer(Answer):
    name: str = Field(description="The model's name.")
    version: int = Field(description="Its number, from 1. A number is never given twice.")
    subject: str = Field(description="What it is called elsewhere: version:NAME/3.")
    kind: str = Field(description="adapter, merged, quantized, gguf or imported.")
    stage: Stage = Field(description="new, tested, released or retired: for people, nothing depends on it.")
    note: str = Field(description="A remark.")
    tags: list[str] = Field(description="Short words to find it by.")
    holds: str = Field(description="What it holds: run:ID, export:ID or model:ID.")
    run_id: str | None = Field(description="The run whose weights these are.")
    export_id: str | None = Field(description="The export it holds.")
    model_id: str | None = Field(description="The imported model it holds.")
    aliases: list[str] = Field(description="The aliases that lead to it.")
    endpoints: list[str] = Field(description="The names of the endpoints that serve it.")
    lineage: dict[str, Any] = Field(description="Base, dataset, run and export as they were when it was kept.")
    size_bytes: int = Field(description="Size of its own files, without its base's.")
    files_state: Literal["reading", "as kept", "changed"] = Field(
        description="reading: its files are being hashed. changed: the last check found other bytes."
    )
    checked_at: float | None = Field(description="When its files were last read, in seconds since 1970.")
    changed: list[str] = Field(description="What the last check found changed, in words.")
    measured: list[dict[str, Any]] = Field(
        description="Evaluations of it, the first one first: verdict, sentence, primary metric with its interval."
    )
    created_at: float = Field(description="When it was kept, in seconds since 1970.")


class RegisteredModelAnswer(Answer):
    id: str = Field(description="The model's id.")
    name: str = Field(description="Its name, a part of addresses.")
    project_id: str = Field(description="The project it belongs to.")
    note: str = Field(description="A remark.")
    tags: list[str] = Field(description="Short words to find it by.")
    versions: int = Field(description="How many versions it has.")
    newest: int = Field(description="The number of the newest; 0 when it has none.")
    aliases: dict[str, int] = Field(description="Where each alias leads.")
    created_at: float = Field(description="Seconds since 1970, UTC.")
    updated_at: float = Field(description="When a version came or an alias moved last.")
