"""A real sweep over REST: six short trainings of the tiny model, advised by Optuna."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.server import create_app
from storage import home
from tests.rest import TOKEN, make_access
from tests.serving import end_all, http_server
from tests.waiting import wait_for

TRIALS, STEPS = 6, 8


@pytest.fixture
def studio() -> Iterator[httpx.Client]:
    """A living studio."""
    with http_server(create_app(make_access(), with_window=False)) as address:
        yield httpx.Client(base_url=f"{address}/api", headers={"authorization": f"Bearer {TOKEN}"}, timeout=60)
        end_all()


def ready(studio: httpx.Client, noun: str, row_id: str) -> bool:
    return bool(studio.get(f"/{noun}/{row_id}").json()["status"] == "ready")


def furnished(studio: httpx.Client, tiny_model: Path) -> dict[str, Any]:
    """A recipe on the tiny model and a small dataset."""
    rows = [{"prompt": f"What is {number} plus 1?", "completion": f"It is {number + 1}."} for number in range(60)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    files = {"file": ("sums.jsonl", text.encode(), "application/jsonl")}
    data = studio.post("/datasets", data={"name": "sums"}, files=files).json()["id"]
    model = studio.post("/models", json={"source": "path", "id": str(tiny_model)}).json()["id"]
    wait_for(lambda: ready(studio, "models", model) and ready(studio, "datasets", data), 90, every=0.3)
    return {
        "model_id": model, "dataset_id": data, "max_steps": STEPS, "eval_steps": 2, "eval_fraction": 0.2,
        "per_device_train_batch_size": 4, "learning_rate": 1e-3, "save_steps": 4,
    }  # fmt: skip


@pytest.mark.timeout(900)
@pytest.mark.slow  # six trainings, one after another
def test_six_trials_of_the_tiny_model_are_made_and_the_best_is_named(studio: httpx.Client, tiny_model: Path) -> None:
    recipe = furnished(studio, tiny_model)
    space = {"learning_rate": {"low": 1e-4, "high": 3e-2, "log": True}, "lora_r": {"choices": [4, 16]}}
    asked = {"name": "rates", "recipe": recipe, "space": space, "budget": {"trials": TRIALS}, "pruner": "median"}
    created = studio.post("/sweeps", json=asked)
    assert created.status_code == 201, created.text
    address = f"/sweeps/{created.json()['id']}"
    wait_for(lambda: studio.get(address).json()["status"] in ("succeeded", "failed"), 800, every=1)
    sweep = studio.get(address).json()
    assert (sweep["status"], sweep["error"]) == ("succeeded", None)
    assert [trial["number"] for trial in sweep["trials"]] == list(range(TRIALS))
    assert sweep["trials"][0]["params"] == {"learning_rate": 1e-3, "lora_r": 16}
    complete = [trial for trial in sweep["trials"] if trial["state"] == "complete"]
    assert len({trial["params"]["learning_rate"] for trial in sweep["trials"]}) == TRIALS
    for trial in sweep["trials"]:
        run = studio.get(f"/runs/{trial['run_id']}").json()
        points = studio.get(f"/runs/{trial['run_id']}/metrics", params={"name": "eval_loss"}).json()["points"]
        print(trial["number"], trial["state"], trial["value"], trial["params"], points)
        assert trial["value"] == points[-1][1]
        assert {field: run["recipe"][field] for field in space} == trial["params"]
        if trial["state"] == "pruned":
            assert not list(home.run_folder(run["id"]).glob("checkpoints/*"))
        else:
            assert (trial["state"], run["status"], points[-1][0]) == ("complete", "succeeded", STEPS)
            assert (run["facts"]["trial_of"], run["origins"]["lora_r" if trial["number"] else "learning_rate"]) == (
                sweep["id"],
                "sweep",
            )
    best = min(complete, key=lambda trial: float(trial["value"]))
    assert sweep["best"] == {name: best[name] for name in ("number", "run_id", "value", "params")}
    assert len(studio.get("/runs", params={"sweep_id": sweep["id"]}).json()) == TRIALS
