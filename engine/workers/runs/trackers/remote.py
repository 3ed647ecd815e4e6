"""MLflow and Weights & Biases: a server where the environment names one, else files under the studio's home."""

import os
import shlex
import time
from pathlib import Path

from engine.workers.runs.trackers.sink import About

MOST_NAME = 250  # characters of an MLflow parameter
ANSWER_SECONDS = 15


class Mlflow:
    """A run at an MLflow server, or in a SQLite file of our own."""

    def __init__(self, about: About) -> None:
        os.environ |= {
            "MLFLOW_HTTP_REQUEST_TIMEOUT": str(ANSWER_SECONDS),
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # we come back ourselves
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        from mlflow.entities import Metric  # noqa: PLC0415
        from mlflow.tracking import MlflowClient  # noqa: PLC0415

        self._metric = Metric
        address = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{about.store / 'mlflow.db'}"
        self.where = address if "://" in address and not address.startswith("sqlite") else _mlflow_ui(address)
        self._client = MlflowClient(tracking_uri=address)
        self.known_as = about.known_as or self._create(about)

    def _create(self, about: About) -> str:
        existing = self._client.get_experiment_by_name(about.project)
        experiment = existing.experiment_id if existing else self._client.create_experiment(about.project)
        run = self._client.create_run(experiment, run_name=about.name, tags={"tunesmith.run": about.run_id})
        for name, value in about.recipe.items():
            self._client.log_param(run.info.run_id, name, str(value)[:MOST_NAME])
        return str(run.info.run_id)

    def log(self, step: int, metrics: dict[str, float]) -> None:
        now = int(time.time() * 1000)
        points = [self._metric(name.replace("@", "_at_"), value, now, step) for name, value in metrics.items()]
        self._client.log_batch(self.known_as, metrics=points)

    def close(self, succeeded: bool) -> None:
        self._client.set_terminated(self.known_as, "FINISHED" if succeeded else "FAILED")


def _mlflow_ui(address: str) -> str:
    return f"mlflow ui --backend-store-uri {shlex.quote(address)}"


class Wandb:
    """A run at Weights & Biases; without a key it is kept here, and `wandb sync` sends it later."""

    def __init__(self, about: About) -> None:
        online = bool(os.environ.get("WANDB_API_KEY"))
        os.environ |= {"WANDB_SILENT": "true", "WANDB_DISABLE_GIT": "true", "WANDB_DISABLE_CODE": "true"}
        import wandb  # noqa: PLC0415

        self.known_as = about.known_as or about.run_id
        self._run = wandb.init(
            project=about.project,
            id=self.known_as,
            name=about.name,
            config=about.recipe,
            dir=str(about.store),
            resume="allow" if online else None,
            mode="online" if online else "offline",
            save_code=False,
            settings=wandb.Settings(init_timeout=ANSWER_SECONDS, x_disable_stats=True, console="off"),
        )
        self.where = (self._run.url or "") if online else f"wandb sync {shlex.quote(str(Path(self._run.dir).parent))}"

    def log(self, step: int, metrics: dict[str, float]) -> None:
        self._run.log(metrics, step=step)

    def close(self, succeeded: bool) -> None:
        self._run.finish(exit_code=0 if succeeded else 1)
