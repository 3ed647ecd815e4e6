"""What was deleted over REST: what can be had back, brought back, or removed at once. Runs have their own undo."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, PathId, ProjectFilter
from engine import deleted
from engine.chat import deleting as chats_deleting
from engine.code import deleting as snippets_deleting
from engine.data import deleting as datasets_deleting
from engine.deleted import Deletion
from engine.evaluate import deleting as evaluations_deleting
from engine.models import deleting as models_deleting
from engine.sweeps import deleting as sweeps_deleting
from storage.tables import Dataset, Evaluation, Model, Snippet, Sweep

router = APIRouter()
HEADER = "X-Undo-Id"


class DeletionAnswer(Answer):
    id: str = Field(description="Give it to POST .../undo/{id}.")
    words: str = Field(description="What was deleted.")
    at: float = Field(description="When: seconds since 1970, UTC. It can be undone for 30 seconds.")
    ids: list[str] = Field(description="Ids of what comes back.")


class UndoneDeletionAnswer(Answer):
    words: str = Field(description="What was undone.")
    ids: list[str] = Field(description="Ids of what is there again.")


@dataclass(frozen=True)
class _Noun:
    """A noun whose deletions can be undone. `back` and `gone` say what differs from the others."""

    name: str
    tag: str
    waiting: Callable[[str | None], Sequence[Deletion]]  # of a project, or of all
    undo: Callable[[str], tuple[str, list[str]]]
    free: Callable[[str], object]
    back: str = "409 when the time is over, 404 when they were brought back already or are gone."
    gone: str = "Removes them without waiting for the half minute."
    has_project: bool = True


def offer(response: Response, deletion_id: str) -> None:
    """Says in the answer to a deletion how it is undone."""
    response.headers[HEADER] = deletion_id


NOUNS = (
    _Noun(
        "datasets", "datasets", lambda project: deleted.waiting(Dataset, project), datasets_deleting.undo,
        datasets_deleting.free,
        gone="Removes their rows and files without waiting for the half minute, as a full disk may need.",
    ),
    _Noun(
        "models", "models", lambda _project: deleted.waiting(Model), models_deleting.undo, models_deleting.free,
        has_project=False,
        back="409 when the time is over or the model was added again, 404 when they are gone.",
        gone="Removes their files without waiting for the half minute, as a full disk may need.",
    ),
    _Noun(
        "chats", "chats", chats_deleting.waiting, chats_deleting.undo, chats_deleting.free,
        back="Or single questions and answers. 409 when the time is over, or what they belong to was deleted too.",
    ),
    _Noun(
        "snippets", "code", lambda project: deleted.waiting(Snippet, project), snippets_deleting.undo,
        snippets_deleting.free,
    ),
    _Noun(
        "evaluations", "evaluations", lambda project: deleted.waiting(Evaluation, project), evaluations_deleting.undo,
        evaluations_deleting.free,
        back="One that was on its way comes back stopped. 409 when the time is over, or its run was deleted too.",
    ),
    _Noun(
        "sweeps", "sweeps", lambda project: deleted.waiting(Sweep, project), sweeps_deleting.undo,
        sweeps_deleting.free,
        back="409 when the time is over, or another sweep got the name.",
    ),
)  # fmt: skip


def _offer_all(noun: _Noun) -> None:
    """The three operations of a noun: what can be undone, undone, and removed at once."""

    def list_deleted() -> Any:
        return noun.waiting(None)

    def list_deleted_of(project_id: ProjectFilter = None) -> Any:
        return noun.waiting(project_id)

    def undo(deletion_id: PathId) -> Any:
        words, ids = noun.undo(deletion_id)
        return UndoneDeletionAnswer(words=words, ids=ids)

    def free(deletion_id: PathId) -> None:
        noun.free(deletion_id)

    path, what = f"/{noun.name}/undo", noun.name
    router.add_api_route(
        path, list_deleted_of if noun.has_project else list_deleted, name=f"list_deleted_{what}",
        summary=f"List deleted {what}", tags=[noun.tag],
        description="What was deleted in the last half minute and can be undone, the newest first.",
        response_model=list[DeletionAnswer],
    )  # fmt: skip
    router.add_api_route(
        f"{path}/{{id}}", undo, methods=["POST"], name=f"undo_{what}", summary=f"Undo a deletion of {what}",
        tags=[noun.tag], description=f"Brings {what} back. {noun.back}", response_model=UndoneDeletionAnswer,
        responses=NOT_FOUND | CONFLICT,
    )  # fmt: skip
    router.add_api_route(
        f"{path}/{{id}}", free, methods=["DELETE"], name=f"free_{what}", summary=f"Remove deleted {what} now",
        tags=[noun.tag], description=noun.gone, status_code=204, responses=NOT_FOUND,
    )  # fmt: skip


for _noun in NOUNS:
    _offer_all(_noun)
