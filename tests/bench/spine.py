"""The studio's main road against its budgets: `python -m tests.bench.spine ROWS.json [--rounds 5] [--steps 12]`.

In a fresh home: start to first page, memory of the idle studio, what a kept-alive connection waits for and what the
gateway adds (tests.bench.kept_alive; `--rounds 0` prints only so far), Start click to trainer alive and to first loss,
and tokens a second of a training by the studio against the same one with TRL alone, in turn. ROWS is a JSON list of
alpaca rows. TUNESMITH_BENCH_MODEL names a model folder; without it the starter model is fetched.
"""

import argparse
import compileall
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from tests.bench import kept_alive, training_rows

T = TypeVar("T")
TOKEN = "bench-bench-bench-bench-bench"
ROOT = Path(__file__).resolve().parents[2]
ENDED = {"succeeded", "failed", "stopped", "interrupted"}


def until(condition: Callable[[], T | None], seconds: float = 600, every: float = 0.02) -> T:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {seconds} s in vain")
        time.sleep(every)
    return found


class Studio:
    """A studio in a home of its own, started from a checkout whose modules are compiled, as an installed one's are."""

    def __init__(self, home: str, root: Path = ROOT) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = os.environ | {"TUNESMITH_HOME": home, "TUNESMITH_TOKEN": TOKEN, "PYTHONDONTWRITEBYTECODE": "1"}
        argv = [sys.executable, "-m", "app", "serve", "--no-browser", "--port", str(port)]
        self.home = Path(home)
        for folder in ("app", "pages", "engine", "storage"):
            compileall.compile_dir(root / folder, quiet=1)
        self.began = time.monotonic()
        Path(home).parent.mkdir(parents=True, exist_ok=True)
        self.log = open(f"{home}.log", "wb")  # noqa: SIM115 (open as long as the process)
        self.process = subprocess.Popen(argv, cwd=root, env=environment, stdout=self.log, stderr=self.log)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        self.address = f"http://127.0.0.1:{port}"
        self.http = httpx.Client(base_url=self.address, headers=headers, timeout=60)

    def answers(self) -> bool:
        try:
            return self.http.get("/").status_code == 200
        except httpx.TransportError:
            return False

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.http.post(f"/api/{path}", json=body)
        if answer.is_error:
            raise SystemExit(answer.text)
        return dict(answer.json())

    def get(self, path: str) -> dict[str, Any]:
        return dict(self.http.get(f"/api/{path}").raise_for_status().json())

    def ready(self, path: str) -> str:
        """Waits until a model or dataset is ready; its id."""
        found = until(lambda: self._when(path, {"ready", "failed", "needs_mapping"}), every=0.2)
        if found["status"] != "ready":
            raise SystemExit(f"{path}: {found}")
        return str(found["id"])

    def _when(self, path: str, states: set[str]) -> dict[str, Any] | None:
        found = self.get(path)
        return found if found["status"] in states else None

    def train(self, recipe: dict[str, Any]) -> dict[str, float]:
        """One run: seconds to trainer and to first loss, tokens a second after the first step."""
        clicked = time.time()
        run = self.run(recipe)["id"]
        said = [json.loads(line) for line in (self.home / "runs" / run / "events.jsonl").read_text().splitlines()]
        points = [(one["at"], one["metrics"]) for one in said if one["kind"] == "step" and "loss" in one["metrics"]]
        tokens = points[-1][1]["num_tokens"] - points[0][1]["num_tokens"]
        return {
            "trainer": said[0]["at"] - clicked,
            "first loss": points[0][0] - clicked,
            "tokens/s": tokens / (points[-1][0] - points[0][0]),
        }

    def run(self, recipe: dict[str, Any], meanwhile: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """A run from its start to its end, as REST tells it; `meanwhile` is called every half second."""
        path = f"runs/{self.post('runs', {'name': 'bench', 'recipe': recipe})['id']}"

        def ended() -> dict[str, Any] | None:
            meanwhile()
            return self._when(path, ENDED)

        run = until(ended, seconds=3600, every=0.5)
        if run["status"] != "succeeded":
            raise SystemExit(f"the run {run['status']}: {run['error']} {run['hint']}")
        return run

    def memory_mb(self) -> float:
        return float(psutil.Process(self.process.pid).memory_info().rss / 1e6)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        self.log.close()


def bare(model: str, rows: Path, steps: int, folder: str) -> float:
    """Tokens a second of the same training with TRL alone."""
    spec = {"method": "sft", "model": model, "train": as_chats(rows), "steps": steps, "batch": 4, "max_length": 256}
    spec |= {"learning_rate": 2e-4, "device": "cpu", "out": folder}
    file = Path(folder) / "bare.json"
    file.write_text(json.dumps(spec), encoding="utf-8")
    argv = [sys.executable, "-m", "tests.bench.bare_trl", str(file)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "TRL_EXPERIMENTAL_SILENCE": "1"}
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1])["tokens_per_second"])


def as_chats(file: Path) -> list[dict[str, Any]]:
    """Alpaca rows as the importer reads them."""
    return [training_rows.read("chat", row) for row in json.loads(file.read_text(encoding="utf-8"))]


def measure(studio: Studio, rows: Path, rounds: int, steps: int) -> None:
    until(studio.answers)
    print(f"start to first page    {time.monotonic() - studio.began:6.2f} s   (budget 3)")
    time.sleep(5)
    print(f"memory of idle studio  {studio.memory_mb():6.0f} MB  (budget 400)")
    kept_alive.measure(studio, TOKEN)
    if not rounds:
        return
    own = os.environ.get("TUNESMITH_BENCH_MODEL", "")
    source = {"source": "path", "id": own} if own else {"source": "starter"}
    model = studio.ready(f"models/{studio.post('models', source)['id']}")
    dataset = studio.post("datasets", {"source": "path", "id": str(rows), "name": "alpaca"})["id"]
    studio.ready(f"datasets/{dataset}")
    recipe = {"model_id": model, "dataset_id": dataset, "max_steps": steps, "max_length": 256}
    weights = str(studio.get(f"models/{model}").get("path") or own)
    ours, theirs = [], []
    for _ in range(rounds):
        run = studio.train(recipe)
        print("  ".join(f"{name} {value:.2f}" for name, value in run.items()), flush=True)
        ours.append(run["tokens/s"])
        theirs.append(bare(weights, rows, steps, str(studio.home)))
        print(f"  TRL alone {theirs[-1]:.1f} tokens/s: ratio {ours[-1] / theirs[-1]:.2f}", flush=True)
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    print(f"median ratio {statistics.median(ratios):.2f} (budget 2.5), from {min(ratios):.2f} to {max(ratios):.2f}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("rows", type=Path)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--steps", type=int, default=12)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio(f"{folder}/home")
        try:
            measure(studio, chosen.rows.resolve(), chosen.rounds, chosen.steps)
        finally:
            studio.close()


if __name__ == "__main__":
    main()
