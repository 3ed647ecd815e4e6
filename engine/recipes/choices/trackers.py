"""The experiment trackers a run can report to: what each needs to be installed, and what of the environment it gets.

A tracker never meets the training. A process of its own (engine.workers.runs.track) reads the run's events and hands
them on, so a tracker that is down, slow or broken costs the training nothing, and its token is in no process but that
one.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from engine.process import hub_token
from engine.recipes.choices.commas import words


@dataclass(frozen=True)
class Tracker:
    """`secrets` and `settings` are names in the studio's environment; only the tracker's own process gets them."""

    module: str
    package: str  # for pip
    secrets: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


TRACKERS: dict[str, Tracker] = {
    "trackio": Tracker("trackio", "trackio", ("HF_TOKEN",), ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL")),
    "tensorboard": Tracker("tensorboard", "tensorboard"),
    "mlflow": Tracker(
        "mlflow",
        "mlflow-skinny",
        ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_PASSWORD"),
        ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME"),
    ),
    "wandb": Tracker("wandb", "wandb", ("WANDB_API_KEY",), ("WANDB_BASE_URL", "WANDB_ENTITY")),
}


def chosen(report_to: str) -> list[str]:
    """The names in a recipe's report_to, each once, in its order."""
    return list(dict.fromkeys(words(report_to)))


def unknown(report_to: str) -> list[str]:
    """Names that are no tracker."""
    return [name for name in chosen(report_to) if name not in TRACKERS]


def refuse_unknown(report_to: str) -> None:
    """Raises ValueError that names what is no tracker."""
    if names := unknown(report_to):
        raise ValueError(f"{', '.join(names)} is not one of {', '.join(TRACKERS)}: report_to")


def installed(name: str) -> bool:
    """Whether the tracker's library is there."""
    return find_spec(TRACKERS[name].module) is not None


def secrets(name: str, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the tracker's own process gets of the studio's environment."""
    tracker = TRACKERS[name]
    token = environment.get(hub_token.VARIABLE) or hub_token.value()
    values = {**environment, hub_token.VARIABLE: token}
    return {variable: value for variable in (*tracker.secrets, *tracker.settings) if (value := values.get(variable))}
