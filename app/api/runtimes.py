"""Runtimes over REST: vLLM, llama.cpp and llm-compressor, installed beside the studio."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from app.answers.errors import CONFLICT, NO_ROOM, NOT_FOUND
from app.answers.fields import Answer, Body
from engine.runtimes import kinds, runtimes
from storage.statuses import WorkStatus

router = APIRouter(prefix="/runtimes", tags=["runtimes"])
KindPath = Annotated[str, Path(alias="kind", pattern=r"^[a-z]{1,20}$", description="vllm, llama or quantize.")]


class InstalledAnswer(Answer):
    """What is in use."""

    version: str = Field(description="Its version.")
    words: str = Field(description="What it is, in words.")
    own: str | None = Field(description="The Python of this machine that is used; null for one that was installed.")
    installed_at: float = Field(description="Since when it is in use, in seconds since 1970.")
    seconds: float = Field(description="How long the installation took.")
    size_bytes: int = Field(description="What it takes on the disk.")
    python: str = Field(description="The version of Python that installed it.")
    torch_sha256: str | None = Field(description="The sha256 of torch's wheel for CPUs, where there is one.")
    checks: list[str] = Field(description="What was tested before it was used.")


class RuntimeAnswer(Answer):
    kind: kinds.Name = Field(description="vllm, llama or quantize.")
    title: str = Field(description="Its name.")
    purpose: str = Field(description="What it is for.")
    installed: InstalledAnswer | None = Field(description="What is in use; null when it is not installed.")
    folder: str | None = Field(description="Where that is on the studio's machine.")
    version_before: str | None = Field(description="The version that `back` puts into use; null without one.")
    offered: str | None = Field(description="What an installation would bring here; null when it cannot run here.")
    is_current: bool = Field(description="Whether what is offered is in use already.")
    own: str | None = Field(description="The Python of this machine that has it; it is taken as it is.")
    download_bytes: int | None = Field(description="What is downloaded at most.")
    disk_bytes: int | None = Field(description="What the disk must have free while it is installed.")
    build_minutes: int | None = Field(
        description="How long building takes on this machine, about; null where nothing has to be built."
    )
    reason: str | None = Field(description="Why it cannot be installed here.")
    notes: list[str] = Field(description="Why a build that is preferred does not fit.")
    id: str | None = Field(description="Id of the newest installation; null when there was none.")
    status: WorkStatus | None = Field(description="How that is: queued, running, succeeded, failed or stopped.")
    progress: float | None = Field(description="How much is downloaded or built, 0 to 1; null when unknown.")
    stage: str | None = Field(description="What is being done, with bytes or files.")
    error: str | None = Field(description="Why it failed.")
    hint: str | None = Field(description="What to do about it.")


class RuntimeBody(Body):
    kind: str = Field(pattern=r"^[a-z]{1,20}$", description="vllm, llama or quantize.")
    again: bool = Field(
        default=False, description="Install it even where it is in use, and ours even where this machine has its own."
    )


class RuntimeLogAnswer(Answer):
    text: str = Field(description="The last lines that the newest installation printed.")


@router.get("", summary="List runtimes", response_model=list[RuntimeAnswer])
def list_runtimes() -> list[dict[str, Any]]:
    """What is installed, what can be and what that takes, and why not."""
    return runtimes.describe_all()


@router.post(
    "", status_code=202, summary="Install a runtime", response_model=RuntimeAnswer,
    responses=NOT_FOUND | CONFLICT | NO_ROOM,
)  # fmt: skip
def install_runtime(body: RuntimeBody) -> dict[str, Any]:
    """Begins an installation; one that is under way is answered with. It is put into use once it was tried."""
    runtimes.install(body.kind, body.again)
    return runtimes.describe(body.kind)


@router.get("/{kind}", summary="Show a runtime", response_model=RuntimeAnswer, responses=NOT_FOUND)
def show_runtime(kind: KindPath) -> dict[str, Any]:
    """One of them: what is in use, and how its newest installation is."""
    return runtimes.describe(kind)


@router.get("/{kind}/log", summary="Log of an installation", responses=NOT_FOUND)
def show_runtime_log(kind: KindPath) -> RuntimeLogAnswer:
    """The end of what the newest installation printed; empty when there was none."""
    return RuntimeLogAnswer(text=runtimes.log(kind))


@router.post(
    "/{kind}/cancel", summary="Cancel an installation", response_model=RuntimeAnswer, responses=NOT_FOUND | CONFLICT
)
def cancel_runtime(kind: KindPath) -> dict[str, Any]:
    """Ends an installation that is under way; what was in use before stays."""
    runtimes.cancel(kind)
    return runtimes.describe(kind)


@router.post(
    "/{kind}/back",
    summary="Go back to the version before",
    response_model=RuntimeAnswer,
    responses=NOT_FOUND | CONFLICT,
)
def go_back(kind: KindPath) -> dict[str, Any]:
    """Puts the version before into use. What runs goes on with the version it was started with."""
    runtimes.roll_back(kind)
    return runtimes.describe(kind)


@router.delete("/{kind}", status_code=204, summary="Uninstall a runtime", responses=NOT_FOUND | CONFLICT)
def uninstall_runtime(kind: KindPath) -> None:
    """Removes every version, and ends an installation under way. Refused while an endpoint is served with it."""
    runtimes.uninstall(kind)
