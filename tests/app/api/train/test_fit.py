"""What a training takes, over REST and on the command line."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.cli import recipe as cli_recipe
from engine.fit import past_probes
from engine.fit import speed as fit_speed
from engine.process import devices, plan, work
from engine.recipes.recipe import to_yaml
from storage import db, home
from tests.engine.fit.fitting import done, furnish, recipe
from tests.engine.train import fake_probe

BODY: dict[str, Any] = {"recipe": recipe().model_dump()}


@pytest.fixture(autouse=True)
def furnished(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(plan.WORKERS, "fit_probe", "tests.engine.train.fake_probe")
    furnish(tmp_path)


def test_an_estimate_has_units_in_its_names_and_says_its_sources(owner: TestClient) -> None:
    first = owner.post("/api/recipes/estimate", json=BODY).json()
    assert (first["memory_source"], first["seconds"], first["steps"]) == ("estimate", None, 10)
    assert 600_000_000 < first["memory_bytes"] == first["memory_estimated_bytes"]
    assert first["disk_bytes"] > 10_000_000
    assert (first["eval_rows"], first["test_rows"]) == (0, 0)
    assert "too few" in first["held_out"]
    done(fit_speed.KIND, fit_speed.SUBJECT, {"device": "cpu", "bf16": False}, {"flops": 1e9})
    timed = owner.post("/api/recipes/estimate", json=BODY).json()
    assert timed["seconds"] > 0
    assert timed["seconds_basis"] == "a product of matrices timed on this machine"
    assert (timed["spending"]["wh"], timed["spending"]["cost"]) == (None, None)
    priced = {"price_per_kwh": None, "price_per_device_hour": 3600.0, "currency": "EUR"}
    owner.put("/api/projects/default/prices", json=priced)
    spending = owner.post("/api/recipes/estimate", json=BODY).json()["spending"]
    assert spending["cost"] == spending["device_cost"] == pytest.approx(timed["seconds"])
    assert (spending["currency"], spending["energy_cost"]) == ("EUR", None)
    missing = owner.post("/api/recipes/estimate", json={"recipe": BODY["recipe"] | {"model_id": "nothing"}})
    assert missing.status_code == 404


def test_a_probe_is_begun_followed_and_then_counts(owner: TestClient) -> None:
    started = owner.post("/api/recipes/probe", json=BODY)
    assert started.status_code == 202
    address = f"/api/recipes/probe/{started.json()['id']}"
    assert (owner.get(address).json()["status"], owner.get(address).json()["result"]) == ("running", None)
    (home.home() / "go").touch()
    work.wait(started.json()["id"], 30)
    probe = owner.get(address).json()
    assert probe["status"] == "succeeded"
    assert probe["result"]["trials"][0]["peak_bytes"] == 900_000_000
    assert owner.post("/api/recipes/probe", json=BODY).json()["id"] == started.json()["id"]
    assert owner.post("/api/recipes/estimate", json=BODY).json()["memory_source"] == "measured"
    assert owner.post(f"{address}/stop").json()["status"] == "succeeded"


def test_a_probe_can_be_stopped_and_a_busy_device_is_a_conflict(owner: TestClient) -> None:
    started = owner.post("/api/recipes/probe", json=BODY).json()
    assert owner.post(f"/api/recipes/probe/{started['id']}/stop").json()["status"] == "stopped"
    with db.session() as session:
        devices.take(session, devices.on_this_machine(), devices.DeviceRequest("run", "a-run", exclusive=True))
    busy = owner.post("/api/recipes/probe", json=BODY)
    assert busy.status_code == 409
    assert "is using the device" in busy.json()["error"]["message"]


def test_other_work_is_no_probe(owner: TestClient) -> None:
    other_work = done("health", "d1", {}, {})
    assert owner.get(f"/api/recipes/probe/{other_work.id}").status_code == 404
    assert owner.get("/api/recipes/probe/nothing").status_code == 404


def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(to_yaml(recipe()))
    (home.home() / "go").touch()
    cli_recipe.probe(file)
    printed = capsys.readouterr().out
    assert "memory      900 MB of 2 GB (measured)" in printed
    assert "    4  no             128  900 MB        1000  0.40" in printed
    assert "largest batch that fits: 15" in printed


def test_what_does_not_fit_is_in_the_table_with_what_would() -> None:
    spec = {"recipe": past_probes.probed_fields(recipe())}
    measured = fake_probe.measured(4, 1, 128, fits=False)
    done(past_probes.KIND, "d1", spec, measured.model_dump())
    lines = "\n".join(cli_recipe.measured_lines(measured))
    assert "too much" in lines
    assert "per_device_train_batch_size: 2" in lines
