"""trackio and TensorBoard: both keep files under the studio's home, to be looked at with their own programs."""

import os
import shlex

from engine.workers.runs.trackers.sink import About


class Trackio:
    """A run in trackio's own database, or in a Space or server that the environment names."""

    def __init__(self, about: About) -> None:
        os.environ["TRACKIO_DIR"] = str(about.store)
        import trackio  # noqa: PLC0415  (its own process is the only place that needs it)

        self.known_as = about.known_as or f"{about.name} {about.run_id}"
        space = os.environ.get("TRACKIO_SPACE_ID") or os.environ.get("TRACKIO_SERVER_URL")
        command = f"TRACKIO_DIR={shlex.quote(str(about.store))} trackio show --project {shlex.quote(about.project)}"
        self.where = space or command
        self._run = trackio.init(
            project=about.project,
            name=self.known_as,
            config=about.recipe,
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )

    def log(self, step: int, metrics: dict[str, float]) -> None:
        self._run.log(metrics, step=step)

    def close(self, succeeded: bool) -> None:
        self._run.finish()


class TensorBoard:
    """Event files that TensorBoard reads."""

    def __init__(self, about: About) -> None:
        from tensorboard.summary import Writer  # noqa: PLC0415

        self.known_as = about.known_as or about.run_id
        self.where = f"tensorboard --logdir {shlex.quote(str(about.store))}"
        self._writer = Writer(str(about.store / about.project / self.known_as))

    def log(self, step: int, metrics: dict[str, float]) -> None:
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)

    def close(self, succeeded: bool) -> None:
        self._writer.close()
