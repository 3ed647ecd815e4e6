"""Secrets of the studio's environment are in no file that a run leaves, and in no process that has no use for them."""

import os
from pathlib import Path

import pytest

from engine.life import reconciler
from engine.process import plan, process
from engine.recipes.recipe import Recipe
from engine.runs import runs, tracking
from storage import db, home
from storage.statuses import DatasetStatus, ModelStatus, RunStatus
from storage.tables import Dataset, Model
from tests.fake_mlflow import fake_mlflow
from tests.waiting import wait_for
from tests.workers.train.training_runs import QUICK, sums, write_rows

SECRETS = {
    "HF_TOKEN": "hf_canary0123456789abcdef",
    "WANDB_API_KEY": "canarywandb0123456789abcdef0123456789abcd",
    "MLFLOW_TRACKING_TOKEN": "canary-mlflow-0123456789",
    "AWS_SECRET_ACCESS_KEY": "canary/aws/0123456789",
    "TUNESMITH_TOKEN": "canary-of-the-studio-0123456789",
    "OPENAI_API_KEY": "sk-canary0123456789abcdef",
}


def play() -> None:
    for name in ("runs", "tracking", "devices"):
        reconciler.TICKS[name]()


def environments(folder: Path) -> dict[int, bytes]:
    """What every living process that works in `folder` was started with."""
    environ_by_pid = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if str(folder).encode() in (entry / "cmdline").read_bytes():
                environ_by_pid[int(entry.name)] = (entry / "environ").read_bytes()
        except OSError:
            continue  # it has just ended
    return environ_by_pid


def begin(tiny_model: Path, tmp_path: Path, **fields: object) -> str:
    """A real training of the tiny model, reporting to MLflow."""
    table = write_rows(tmp_path, "chat", sums(12))
    sha256 = "c" * 64
    table.rename(home.ensure_folder(home.blobs()) / f"{sha256}.parquet")
    with db.session() as session:
        ready = ModelStatus.READY
        session.add(Model(id="tiny", source="path", source_id="t", name="t", path=str(tiny_model), status=ready))
        session.add(_dataset(sha256))
    return runs.start_run("r", Recipe.model_validate({**QUICK, "report_to": "mlflow, tensorboard", **fields})).id


def _dataset(sha256: str) -> Dataset:
    dataset = Dataset(id="rows", project_id="default", name="d", sha256=sha256, kind="chat", rows=12, accepted=12)
    dataset.status = DatasetStatus.READY
    return dataset


def test_no_file_and_no_other_process_of_a_run_holds_a_secret(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    with fake_mlflow() as (address, requests):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        run_id = begin(tiny_model, tmp_path)
        folder = home.run_folder(run_id)
        seen_environments: dict[int, bytes] = {}

        def over() -> bool:
            play()
            seen_environments.update(environments(folder))
            return _over(run_id)

        wait_for(over, seconds=180, every=0.2)  # it reads all of /proc; each process lives for seconds
        ended = runs.look_up(run_id)
    assert ended.status == RunStatus.SUCCEEDED, ended.error
    assert {metric["step"] for _, body, _ in requests for metric in body.get("metrics", [])} == {1, 2, 3, 4}
    assert {header for _, _, header in requests} == {f"Bearer {SECRETS['MLFLOW_TRACKING_TOKEN']}"}
    _check_processes(seen_environments)
    _check_files(home.home())


def _over(run_id: str) -> bool:
    run = runs.look_up(run_id)
    if run.status in (RunStatus.FAILED, RunStatus.INTERRUPTED):
        return True
    return run.status == RunStatus.SUCCEEDED and all(delivery.finished for delivery in tracking.deliveries(run))


def _check_processes(environ_by_pid: dict[int, bytes]) -> None:
    """Shim and worker of the training know nothing; the tracker's own know its token and no other."""
    assert len(environ_by_pid) >= 4
    knowing = [env for env in environ_by_pid.values() if any(value.encode() in env for value in SECRETS.values())]
    assert knowing, "the tracker's process was not seen"
    for env in knowing:
        names = {name for name, value in SECRETS.items() if value.encode() in env}
        assert names == {"MLFLOW_TRACKING_TOKEN"}


def _check_files(folder: Path) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "adapter_model.safetensors" for path in files)
    assert not [path for path in files if path.name == "training_args.bin" or path.suffix in (".pkl", ".pickle")]
    for path in files:
        content = path.read_bytes()
        held = [name for name, value in SECRETS.items() if value.encode() in content]
        assert held == [], f"{path} holds {held}"


@pytest.mark.parametrize("name", [*SECRETS, "GITHUB_TOKEN", "MY_PASSWORD", "X_CREDENTIALS"])
def test_a_worker_is_started_without(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "canary")
    assert name not in process._environment(())
    assert process._environment((name,)).get(name) == "canary"


def test_what_a_worker_needs_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = {"TOKENIZERS_PARALLELISM": "true", "PATH": os.environ["PATH"], "KEYBOARD": "de", "OMP_NUM_THREADS": "1"}
    for name, value in allowed.items():
        monkeypatch.setenv(name, value)
    assert allowed.items() <= process._environment(()).items()


def test_the_hub_token_reaches_those_who_fetch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    knowing = {name for name in plan.WORKERS if "HF_TOKEN" in plan.plan_worker(name, {}, Path("OUT")).knows}
    assert knowing == {*plan.ASK_THE_HUB}
    assert {name for name in plan.WORKERS if "hub" in name or "push" in name} <= knowing
