"""A sweep by taste over REST, from its start to a best that follows what a person picked."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.server import create_app
from engine.process import plan
from tests.engine.sweeps import stored_sweeps as given
from tests.rest import TOKEN, make_access
from tests.serving import end_all, http_server
from tests.waiting import wait_for

PROMPTS = ["Say hello.", "Count to three.", "Name a colour."]


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[httpx.Client]:
    """A living studio with Optuna's advice and trainings that take no time."""
    monkeypatch.setenv("HEARD", str(tmp_path / "heard"))
    given.furnish(monkeypatch, optuna=1, steps=4)
    monkeypatch.setitem(plan.WORKERS, "sweep_advice", "tests.heard_advice")
    with http_server(create_app(make_access(), with_window=False)) as address:
        yield httpx.Client(base_url=f"{address}/api", headers={"authorization": f"Bearer {TOKEN}"}, timeout=60)
        end_all()


def when_over(studio: httpx.Client, address: str) -> dict[str, Any]:
    def told() -> dict[str, Any] | None:
        sweep: dict[str, Any] = studio.get(address).json()
        return sweep if sweep["status"] in ("succeeded", "failed") else None

    sweep = wait_for(told, 300, every=0.2)
    assert sweep is not None
    assert (sweep["status"], sweep["error"]) == ("succeeded", None)
    return sweep


def test_trials_answer_people_pick_and_the_best_and_the_study_follow(studio: httpx.Client, tmp_path: Path) -> None:
    assert studio.put("/projects/default/prompts", json={"prompts": PROMPTS}).status_code == 200
    asked = given.asked(sampler="tpe", objective={"metric": "taste"}, budget={"trials": 3})
    created = studio.post("/sweeps", json=asked)
    assert created.status_code == 201, created.text
    address = f"/sweeps/{created.json()['id']}"
    sweep = when_over(studio, address)
    assert [(trial["state"], trial["value"], trial["interval"]) for trial in sweep["trials"]] == [
        ("complete", None, None)
    ] * 3
    assert sweep["best"] is None
    for trial in sweep["trials"]:
        said = studio.get(f"/runs/{trial['run_id']}/samples").json()
        rate = trial["params"]["learning_rate"]
        assert [(one["prompt"], one["answer"]) for one in said] == [(one, f"{one} At {rate:g}.") for one in PROMPTS]
    assert studio.post(f"{address}/picks", json={"better": 2, "worse": 0}).status_code == 204
    assert [trial["value"] is None for trial in studio.get(address).json()["trials"]] == [False, True, False]
    for better, worse in [(2, 1), (1, 0), (2, 0)]:
        assert studio.post(f"{address}/picks", json={"better": better, "worse": worse}).status_code == 204
    refused = studio.post(f"{address}/picks", json={"better": 1, "worse": 1})
    assert (refused.status_code, "cannot be compared" in refused.text) == (422, True)
    sweep = studio.get(address).json()
    first, second, third = sweep["trials"]
    assert third["value"] > second["value"] > first["value"]
    assert all(trial["interval"][0] < trial["value"] < trial["interval"][1] for trial in sweep["trials"])
    assert sweep["best"] == {name: third[name] for name in ("number", "run_id", "value", "params")}
    assert studio.post(f"{address}/more", json={"trials": 1}).status_code == 200
    when_over(studio, address)
    told = json.loads((tmp_path / "heard").read_text().splitlines()[-1])
    assert told == [[trial["number"], "complete", [trial["value"]]] for trial in sweep["trials"]]
