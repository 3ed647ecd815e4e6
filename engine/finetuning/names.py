"""What /v1 calls what a job has trained: ft-MODEL-SUFFIX-ID, and with -step-N one of its checkpoints. Pure.

OpenAI writes ft:MODEL:ORGANISATION:SUFFIX:ID. Here it is the name of an endpoint, which has 48 characters at most.
"""

import re

from engine.names import for_address

PREFIX = "ft-"
_MODEL, _SUFFIX, _ID = 12, 10, 6  # characters: with a step of seven digits it still is the name of an endpoint
_STEP = re.compile(r"(?P<name>ft-[a-z0-9-]{1,40})-step-(?P<step>[0-9]{1,9})")


def result(model: str, suffix: str | None, job_id: str) -> str:
    """The name of what a job leaves."""
    short = [for_address(model.rpartition("/")[2], _MODEL), for_address(suffix or "", _SUFFIX), job_id[-_ID:]]
    return PREFIX + "-".join(part for part in short if part)


def checkpoint(name: str, step: int) -> str:
    return f"{name}-step-{step}"


def parts(name: str) -> tuple[str, int | None]:
    """The name of the job's result, and the step where it is one of its checkpoints."""
    match = _STEP.fullmatch(name)
    return (match["name"], int(match["step"])) if match else (name, None)
