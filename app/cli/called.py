"""Names on the command line: whatever takes an id takes a name. Parsers for typer, each from what was typed to an id.

What is there neither by its id nor by its name is said with the nearest names.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any

import typer
from sqlmodel import SQLModel

from app.cli.completion import names
from engine import called
from engine.errors import NotFoundError
from storage import db
from storage.tables import Dataset, Evaluation, Model, Project, Run, Snippet

_STEP = re.compile(r"(?P<run>.+)@(?P<step>[0-9]{1,12})")


def _parser(table: type[SQLModel]) -> Callable[[str], str]:
    def id_of(text: str) -> str:
        if not text:
            return ""
        db.prepare()
        return called.id_of(table, text.removeprefix(f"{table.__name__.lower()}:"))

    id_of.__name__ = table.__name__.upper()  # typer shows it where there is no metavar
    return id_of


run_id, model_id, dataset_id, project_id = _parser(Run), _parser(Model), _parser(Dataset), _parser(Project)
evaluation_id, snippet_id = _parser(Evaluation), _parser(Snippet)


def checkpoint(text: str) -> str:
    """RUN or RUN@STEP, with or without `run:` before it, as ID or ID@STEP. A run may have an @ in its name."""
    text = text.removeprefix("run:")
    try:
        return run_id(text)
    except NotFoundError:
        if not (named := _STEP.fullmatch(text)):
            raise
        return f"{run_id(named['run'])}@{named['step']}"


def subject(text: str) -> str:
    """What can be asked or compared: run:RUN, run:RUN@STEP and model:MODEL by their ids; all else as it is."""
    if text.startswith("run:"):
        return f"run:{checkpoint(text)}"
    return f"model:{model_id(text)}" if text.startswith("model:") else text


def adapter(text: str) -> str:
    """What an endpoint serves: RUN, RUN@STEP, either with NAME= before it, or `base`. The name stays."""
    name, equals, run = text.rpartition("=")
    return text if run == "base" else f"{name}{equals}{checkpoint(run)}"


# What typer is to know of an argument or option: `typer.Option(help="...", **RUN)`.
RUN: dict[str, Any] = {"metavar": "RUN", "parser": run_id, "autocompletion": names.of("run")}
CHECKPOINT: dict[str, Any] = RUN | {"parser": checkpoint}
ADAPTER: dict[str, Any] = RUN | {"parser": adapter}
SUBJECT: dict[str, Any] = {"metavar": "SUBJECT", "parser": subject, "autocompletion": names.of("subject")}
MODEL: dict[str, Any] = {"metavar": "MODEL", "parser": model_id, "autocompletion": names.of("model")}
DATASET: dict[str, Any] = {"metavar": "DATASET", "parser": dataset_id, "autocompletion": names.of("dataset")}
PROJECT: dict[str, Any] = {"metavar": "PROJECT", "parser": project_id, "autocompletion": names.of("project")}
EVALUATION: dict[str, Any] = {
    "metavar": "EVALUATION", "parser": evaluation_id, "autocompletion": names.of("evaluation"),
}  # fmt: skip
SNIPPET: dict[str, Any] = {"metavar": "SNIPPET", "parser": snippet_id, "autocompletion": names.of("snippet")}

RunName = Annotated[str, typer.Argument(help="Name or id of a run.", **RUN)]
DatasetName = Annotated[str, typer.Argument(help="Name or id of a dataset; NAME/2 is its version 2.", **DATASET)]
ModelName = Annotated[str, typer.Argument(help="Name or id of a model.", **MODEL)]
ProjectName = Annotated[str, typer.Option("--project", help="The project it will belong to.", **PROJECT)]
OneProject = Annotated[str, typer.Argument(help="Name or id of a project.", **PROJECT)]
EvaluationName = Annotated[str, typer.Argument(help="Name or id of an evaluation.", **EVALUATION)]
SnippetName = Annotated[str, typer.Argument(help="Name or id of a snippet.", **SNIPPET)]
