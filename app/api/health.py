"""Is the studio there? The one operation that needs no credential."""

from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from app.answers.fields import Answer

router = APIRouter(tags=["health"])


class Health(Answer):
    status: Literal["ok"] = Field(description="Always ok; a studio that is not does not answer.")
    name: Literal["tunesmith"] = Field(description="Always tunesmith, so that a caller knows who answers.")
    version: str = Field(description="The version of the studio.")


@router.get("/health", summary="Health and version")
async def show_studio_health() -> Health:
    """Answers as soon as the studio serves pages. For load balancers and container health checks."""
    return Health(status="ok", name="tunesmith", version=studio_version())


@lru_cache(maxsize=1)  # it stays what was started, and reading it takes longer than the rest of the answer
def studio_version() -> str:
    """The version of the installed package; 0 when it runs from a folder without being installed."""
    try:
        return version("tunesmith")
    except PackageNotFoundError:
        return "0"
