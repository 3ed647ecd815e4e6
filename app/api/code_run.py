"""Code run over REST: in a sandbox, with limits, or refused."""

import functools

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter
from pydantic import Field

from app.answers.fields import Answer, Body
from engine.sandbox import sandbox
from engine.sandbox.limits import LONGEST_SECONDS, Limits, Result

router = APIRouter(prefix="/code", tags=["code"])

# Threads of its own: runs of half a minute must not take those of the other operations.
WAITING = 2 * sandbox.AT_ONCE


class CodeRunBody(Body):
    files: dict[str, str] = Field(
        description="Text files by name: main.py, which is what runs, data/rows.csv ... At most 50, 1 MB together."
    )
    language: str = Field(default="python", max_length=40, description="Only python.")
    stdin: str = Field(default="", description="What the program reads from its standard input, at most 1 MB.")
    seconds: float = Field(
        default=10.0, gt=0, le=LONGEST_SECONDS, allow_inf_nan=False, description="When it is ended, at most 30."
    )


class CodeRunAnswer(Answer):
    stdout: str = Field(description="What it printed. Of stdout and stderr together 1 MB is kept.")
    stderr: str = Field(
        description="What it printed as errors, exceptions included; then a line of the studio's, beginning with "
        "`tunesmith:`, when the output was cut or the program was ended."
    )
    exit: int | None = Field(description="Its exit code, as a shell says it; null when it was ended for a limit.")
    seconds: float = Field(description="How long it ran.")
    memory_bytes: int = Field(description="The most memory it had.")
    timed_out: bool = Field(description="Whether it was ended because its time was over.")
    contained_by: str = Field(description="What held it back, such as bubblewrap.")


@functools.cache
def _places() -> CapacityLimiter:
    return CapacityLimiter(WAITING)


@router.post("/run", summary="Run code in a sandbox")
async def run_code(body: CodeRunBody) -> CodeRunAnswer:
    """Runs main.py, without a network, in a folder of its own. 503 where nothing on this machine holds code back."""
    if _places().available_tokens < 1:
        raise sandbox.BusySandboxError("Too many programs wait to be run.", "Try again in a moment.")
    limits = Limits(wall_seconds=body.seconds)
    work = functools.partial(sandbox.run, body.files, body.stdin, body.language, limits)
    return _answer(await to_thread.run_sync(work, limiter=_places()))


def _answer(result: Result) -> CodeRunAnswer:
    notes = [f"ended, because {result.ended_for}"] if result.ended_for else []
    notes += ["the output was cut: more was printed than is kept"] if result.cut else []
    lines = "".join(f"tunesmith: {note}\n" for note in notes)
    gap = "\n" if lines and result.stderr and not result.stderr.endswith("\n") else ""
    return CodeRunAnswer.model_validate(result).model_copy(update={"stderr": f"{result.stderr}{gap}{lines}"})
