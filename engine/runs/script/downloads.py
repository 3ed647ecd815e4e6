"""The script of a run as files to download: a text, the name it is saved under, what kind of text it is."""

from dataclasses import dataclass

from engine import names
from engine.runs.script import frame, told
from engine.runs.script.told import Told


@dataclass(frozen=True)
class ScriptFile:
    """A file of text."""

    name: str
    media_type: str
    text: str


def script(run_id: str, hides_paths: bool = False) -> ScriptFile:
    """The Python script. Raises as `told.of_run` does, and RefusedError where no script repeats the run."""
    run = told.of_run(run_id, hides_paths)
    return ScriptFile(file_name(run), "text/x-python; charset=utf-8", frame.script(run))


def notebook(run_id: str, hides_paths: bool = False) -> ScriptFile:
    """The same as a Jupyter notebook. Raises the same."""
    run = told.of_run(run_id, hides_paths)
    return ScriptFile(file_name(run, ".ipynb"), "application/x-ipynb+json", frame.notebook(run))


def requirements(run_id: str, hides_paths: bool = False) -> ScriptFile:
    """Its packages, for `pip install -r`. Raises the same."""
    text = frame.requirements_text(told.of_run(run_id, hides_paths))
    return ScriptFile("requirements.txt", "text/plain; charset=utf-8", text)


def file_name(run: Told, ending: str = ".py") -> str:
    """What the run's script is called."""
    return names.as_file(run.name, "run") + ending
