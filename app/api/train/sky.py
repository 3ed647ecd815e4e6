"""A recipe as a SkyPilot task, over REST."""

from fastapi import APIRouter
from pydantic import Field

from app.answers.errors import NOT_FOUND
from app.answers.fields import Answer
from app.api.train.recipes import RecipeBody
from engine.train import sky

router = APIRouter(prefix="/recipes", tags=["runs"])


class SkyBody(RecipeBody):
    accelerators: str = Field(
        default="H100:1", max_length=40, description="SkyPilot's NAME:COUNT, the GPUs of each machine, such as H100:8."
    )


class SkyAnswer(Answer):
    yaml: str = Field(
        description="The task, for `sky launch`. It names folders of this machine, which SkyPilot copies."
    )


@router.post("/sky", summary="Export a training to SkyPilot", responses=NOT_FOUND)
def export_sky(body: SkyBody) -> SkyAnswer:
    """The training as one YAML file for SkyPilot: machines, what is copied there, what is installed, what runs."""
    return SkyAnswer(yaml=sky.for_recipe(body.with_ids(), body.accelerators))
