"""The machine and the studio over REST, as they are now, and the studio's own log."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from app.answers.fields import Answer
from app.api.health import studio_version
from engine.system import machine_now, studio_log, use
from engine.system.studio_log import Level
from storage import home

router = APIRouter(prefix="/system", tags=["system"])


class CardAnswer(Answer):
    """What the driver does not tell is null."""

    name: str = Field(description="gpu:0, gpu:1 ...")
    percent: float | None = Field(description="How busy it is, 0 to 100.")
    memory_used_bytes: int | None = Field(description="Memory in use.")
    memory_bytes: int | None = Field(description="Memory in all.")
    temperature: float | None = Field(description="Degrees Celsius.")
    watts: float | None = Field(description="Power.")


class SystemAnswer(Answer):
    version: str = Field(description="The version of the studio.")
    home: str = Field(description="The data folder.")
    at: float = Field(description="When was looked, seconds since 1970; a moment ago at most.")
    cores: int = Field(description="Cores of the processor.")
    processor_percent: float = Field(description="How busy they are together, 0 to 100, since the look before.")
    load: tuple[float, float, float] | None = Field(description="The load over 1, 5 and 15 minutes.")
    memory_used_bytes: int = Field(description="Memory in use.")
    memory_bytes: int = Field(description="Memory in all; of the container, where that has less.")
    swap_used_bytes: int = Field(description="Swap in use.")
    disk_used_bytes: int = Field(description="Used on the disk that holds the home.")
    disk_free_bytes: int = Field(description="Free on it.")
    temperatures: dict[str, float] = Field(description="Sensor to degrees Celsius; empty where there is none.")
    cards: list[CardAnswer] = Field(description="The GPUs a training may be given.")
    missing: list[str] = Field(description="What the cards do not tell, and why.")


class UseSample(Answer):
    at: float = Field(description="When was looked, seconds since 1970.")
    processor_percent: float = Field(description="How busy all cores were together, 0 to 100, since the look before.")
    memory_used_bytes: int = Field(description="Memory in use.")
    disk_used_bytes: int = Field(description="Used on the disk that holds the home.")
    cards: list[CardAnswer] = Field(description="The GPUs a training may be given; empty without one.")


class UseAnswer(Answer):
    every_seconds: float = Field(description="How far the looks are apart.")
    memory_bytes: int = Field(description="Memory in all; of the container, where that has less.")
    disk_bytes: int = Field(description="The disk that holds the home, as far as it can be filled.")
    samples: list[UseSample] = Field(description="The oldest first, 240 at most. Kept in the studio's memory alone.")


class LogLine(Answer):
    at: float = Field(description="Seconds since 1970.")
    level: str = Field(description="INFO, WARNING, ERROR or CRITICAL.")
    logger: str = Field(description="The part of the studio that wrote it.")
    message: str = Field(description="What happened.")
    about: str = Field(description="The id of what it is about; empty when it is about the studio.")
    error: str = Field(description="Where it failed, as Python prints it; empty without a failure.")


@router.get("", summary="What the machine does now")
def show_system() -> SystemAnswer:
    """Processor, load, memory, disk, temperatures and GPUs, as far as the system tells. `GET /api/disk` says what fills
    the disk."""
    seen = machine_now.look().to_json()
    return SystemAnswer.model_validate({**seen, "version": studio_version(), "home": str(home.home())})


@router.get("/use", summary="How busy the machine was in the last hour")
def show_system_use() -> UseAnswer:
    """A look every fifteen seconds at processor, memory, disk and GPUs, since the studio started or for an hour."""
    memory_bytes, disk_bytes = use.sizes()
    return UseAnswer(
        every_seconds=use.EVERY_SECONDS,
        memory_bytes=memory_bytes,
        disk_bytes=disk_bytes,
        samples=[UseSample.model_validate(sample) for sample in use.last_hour()],
    )


@router.get("/log", summary="Log of the studio")
def show_system_log(
    lines: Annotated[int, Query(ge=1, le=studio_log.MOST_LINES, description="At most so many.")] = 100,
    level: Annotated[Level, Query(description="Only lines of this level and worse.")] = "all",
) -> list[LogLine]:
    """The last lines of the studio's own log, the newest last."""
    return [LogLine.model_validate(line) for line in studio_log.last(lines, level)]


@router.get(
    "/log/download",
    summary="Download the log of the studio",
    response_class=StreamingResponse,
    responses={200: {"description": "A JSON object a line, oldest first.", "content": {"application/x-ndjson": {}}}},
)
def download_system_log() -> StreamingResponse:
    """All that is kept of the log."""
    headers = {"content-disposition": 'attachment; filename="studio.log"', "x-content-type-options": "nosniff"}
    return StreamingResponse(studio_log.whole(), media_type="application/x-ndjson", headers=headers)
