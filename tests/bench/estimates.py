"""What the studio says a training will take, against what it took: `python -m tests.bench.estimates --model FOLDER`.

In a fresh home, for each recipe: the estimate of the form, the measurement of a probe, and then the whole training, by
seconds from its first process to its end and by the most memory its process had (VmHWM). TUNESMITH_TEST_DATA names the
folder of the rows. Means something on an idle machine only; for a CPU.
"""

import argparse
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.bench.spine import Studio, until
from tests.bench.training_rows import FILES

RECIPES: dict[str, tuple[str, dict[str, Any]]] = {
    "sft lora": ("chat", {"max_length": 256}),
    "sft lora, evaluated": ("chat", {"max_length": 256, "eval_fraction": 0.1, "eval_steps": 20}),
    "sft lora, accumulated": ("chat", {"max_length": 256, "gradient_accumulation_steps": 4}),
    "sft full": ("chat", {"max_length": 256, "tuning": "full"}),
    "cpt lora": ("text", {"method": "cpt", "max_length": 256}),
    "dpo lora": ("preference", {"method": "dpo", "max_length": 512}),
}
Row = dict[str, float]  # seconds, and gigabytes


class Peak:
    """The most memory that the worker of a run has had, in bytes. A probe that is about to end does not count."""

    def __init__(self, studio: Studio) -> None:
        self.studio, self.bytes = studio, 0

    def look(self) -> None:
        for one in psutil.Process(self.studio.process.pid).children(recursive=True):
            self.bytes = max(self.bytes, _peak(one.pid))


def _peak(pid: int) -> int:
    try:
        told = Path(f"/proc/{pid}/status").read_text()
        of_a_run = f"{os.sep}runs{os.sep}" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:  # it has ended
        return 0
    if not of_a_run:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", told)
    return int(found[1]) * 1000 if found else 0


def measure(studio: Studio, names: list[str], model: str, steps: int) -> None:
    folder = Path(os.environ["TUNESMITH_TEST_DATA"])
    until(studio.answers)
    known = studio.ready(f"models/{studio.post('models', {'source': 'path', 'id': model})['id']}")
    datasets: dict[str, str] = {}
    table: dict[str, list[Row]] = {}
    recipes = {}
    for name in names:
        kind, fields = RECIPES[name]
        if kind not in datasets:
            file = str(folder / FILES[kind])
            datasets[kind] = studio.post("datasets", {"source": "path", "id": file, "name": kind})["id"]
            studio.ready(f"datasets/{datasets[kind]}")
        batches = fields.get("gradient_accumulation_steps", 1)
        recipe = {"model_id": known, "dataset_id": datasets[kind], "max_steps": max(2, steps // batches), **fields}
        recipes[name] = recipe
        table[name] = [estimate(studio, recipe)]
    for name, recipe in recipes.items():
        probe(studio, recipe)
        table[name].append(estimate(studio, recipe))
    for name, recipe in recipes.items():
        peak = Peak(studio)
        run = studio.run(recipe, peak.look)
        table[name].append({"seconds": run["ended_at"] - run["started_at"], "memory": peak.bytes / 1e9})
        show(name, table[name])


def estimate(studio: Studio, recipe: dict[str, Any]) -> Row:
    """As soon as the machine has been timed."""

    def asked() -> dict[str, Any] | None:
        found = studio.post("recipes/estimate", {"recipe": recipe})
        return found if found["seconds"] is not None else None

    found = until(asked, seconds=120, every=0.5)
    return {"seconds": found["seconds"], "memory": found["memory_bytes"] / 1e9}


def probe(studio: Studio, recipe: dict[str, Any]) -> None:
    path = f"recipes/probe/{studio.post('recipes/probe', {'recipe': recipe})['id']}"
    until(lambda: studio.get(path)["status"] in ("succeeded", "failed"), every=0.5)


def show(name: str, rows: list[Row]) -> None:
    """Each number, and in brackets what it is of what the training took."""
    for what, unit in (("seconds", "s"), ("memory", "GB")):
        took = rows[-1][what]
        said = [f"{one[what]:6.2f} {unit} ({one[what] / took:.2f})" for one in rows[:-1]]
        print(f"{name:22} {what:8} estimate {said[0]}  probe {said[1]}  took {took:6.2f} {unit}", flush=True)


@contextmanager
def started(home: str) -> Iterator[Studio]:
    studio = Studio(home)
    try:
        yield studio
    finally:
        studio.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=os.environ.get("TUNESMITH_BENCH_MODEL", ""))
    parser.add_argument("--recipes", default=";".join(RECIPES), help="names, separated by semicolons")
    parser.add_argument("--batches", type=int, default=60, help="of the whole training")
    chosen = parser.parse_args()
    if not Path(chosen.model, "config.json").is_file() or "TUNESMITH_TEST_DATA" not in os.environ:
        raise SystemExit("Name a model folder by --model, and a folder of rows in TUNESMITH_TEST_DATA.")
    with tempfile.TemporaryDirectory() as folder, started(f"{folder}/home") as studio:
        measure(studio, chosen.recipes.split(";"), str(Path(chosen.model).resolve()), chosen.batches)


if __name__ == "__main__":
    main()
