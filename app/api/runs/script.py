"""Runs as code over REST: a script that trains the same, as a notebook too, its packages, and how it is started."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, NamedId
from engine.runs.script import downloads, launching, told
from engine.runs.script.downloads import ScriptFile

NOTEBOOK = "application/x-ipynb+json"
router = APIRouter(prefix="/runs", tags=["runs"])


class CommandAnswer(Answer):
    title: str = Field(description="What starts it: uv, python, torchrun, accelerate.")
    about: str = Field(description="When it is the right one.")
    text: str = Field(description="The command, for a shell.")


class LaunchAnswer(Answer):
    file: str = Field(description="What the script is called in the commands.")
    commands: list[CommandAnswer] = Field(description="Commands that start the script, the plainest first.")
    sky: str = Field(description="The recipe as a SkyPilot task for the studio's own worker; empty if there is none.")
    sky_reason: str = Field(description="Why there is no SkyPilot task; empty if there is one.")


def _hides_paths(request: Request) -> bool:
    """Paths of this machine are nothing for a visitor of a share link."""
    return bool(request.state.role == "viewer")


def _file(file: ScriptFile) -> Response:
    headers = {"content-disposition": f'attachment; filename="{file.name}"', "x-content-type-options": "nosniff"}
    return Response(file.text, media_type=file.media_type, headers=headers)


def _text(media_type: str) -> dict[int | str, dict[str, object]]:
    return NOT_FOUND | CONFLICT | {200: {"description": "The file.", "content": {media_type: {}}}}


@router.get("/{id}/script", summary="A run as a script", response_class=Response, responses=_text("text/x-python"))
def show_script(run_id: NamedId, request: Request) -> Response:
    """A Python script on transformers, PEFT and TRL alone that trains the same: data, seed, order of rows, losses."""
    return _file(downloads.script(run_id, _hides_paths(request)))


@router.get(
    "/{id}/notebook",
    summary="A run as a notebook",
    response_class=Response,
    responses=_text("application/x-ipynb+json"),
)
def show_notebook(run_id: NamedId, request: Request) -> Response:
    """The same script as a Jupyter notebook."""
    return _file(downloads.notebook(run_id, _hides_paths(request)))


@router.get(
    "/{id}/requirements", summary="Packages of a run's script", response_class=Response, responses=_text("text/plain")
)
def show_requirements(run_id: NamedId) -> Response:
    """The packages of the script with exact versions, for `pip install -r`; they stand at the script's head too."""
    return _file(downloads.requirements(run_id))


@router.get(
    "/{id}/tokens",
    summary="A run's rows as tokens",
    response_class=FileResponse,
    responses=_text("application/vnd.apache.arrow.stream"),
)
def download_tokens(run_id: NamedId) -> FileResponse:
    """Every row as the run tokenised it, with what is learnt of it: for a script that cannot tokenise by itself."""
    file = told.token_file(run_id)
    return FileResponse(file, media_type="application/vnd.apache.arrow.stream", filename="tokens.arrow")


@router.get("/{id}/launch", summary="Commands for a run's script", responses=NOT_FOUND | CONFLICT)
def show_launch(run_id: NamedId, request: Request) -> LaunchAnswer:
    """The commands that start the script, here or on several devices, and the recipe as a SkyPilot task."""
    run = told.of_run(run_id, _hides_paths(request))
    file = downloads.file_name(run)
    task, reason = launching.cloud_task_or_reason(run)
    commands = [CommandAnswer.model_validate(command) for command in launching.commands(run, file)]
    return LaunchAnswer(file=file, commands=commands, sky=task, sky_reason=reason)
