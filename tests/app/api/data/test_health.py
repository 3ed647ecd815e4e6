"""Health, search and statistics over REST, from the first question to the fix."""

from starlette.testclient import TestClient

from engine.process import work
from tests.engine.rows.stored_rows import chat, ready

ROWS = [*(chat(f"What is {n}?", f"The number {n} is what it is.") for n in range(30)), chat("Mail?", "To a@b.berlin")]


def test_a_dataset_is_checked_looked_through_and_fixed_over_rest(owner: TestClient) -> None:
    dataset = ready("chat", ROWS)
    at = f"/api/datasets/{dataset.id}"
    before = owner.get(f"{at}/health").json()
    assert (before["status"], before["score"], before["findings"]) == ("none", None, [])
    assert owner.get(f"{at}/statistics").json()["error"]["type"] == "conflict"
    assert owner.get(f"{at}/health/refusals/rows").status_code == 409
    started = owner.post(f"{at}/health", json={})
    assert (started.status_code, started.json()["status"]) == (202, "running")
    checks = work.latest(dataset.id, "health")
    assert checks is not None
    work.wait(checks.id, 60)

    report = owner.get(f"{at}/health").json()
    assert (report["status"], report["score"]) == ("succeeded", 98)
    worst = report["findings"][0]
    assert (worst["check"], worst["found"], worst["details"], worst["fix"]) == ("personal_data", 1, {"mail": 1}, "mask")
    rows = owner.get(f"{at}/health/personal_data/rows").json()["rows"]
    assert [(row["position"], row["twin"]) for row in rows] == [(30, None)]
    assert owner.get(f"{at}/statistics").json()["roles"] == {"user": 31, "assistant": 31}

    ignored = owner.post(f"{at}/health/personal_data/ignore", json={}).json()
    assert (ignored["score"], ignored["findings"][-1]["weight"] > 0) == (100, True)
    again = owner.post(f"{at}/health/personal_data/ignore", json={"ignored": False}).json()
    assert again["score"] == 98
    fixed = owner.post(f"{at}/health/personal_data/fix", json={})
    assert (fixed.status_code, fixed.json()["source"]) == (201, "shape")
    assert owner.post(f"{at}/health/personal_data/fix", json={"positions": [30]}).status_code == 422
    assert owner.post(f"{at}/health/refusals/fix", json={}).status_code == 409
    assert owner.post(f"{at}/health/beauty/ignore", json={}).status_code == 404
    assert owner.post(f"{at}/health", json={"against": [dataset.id]}).status_code == 422


def test_rows_are_searched_over_rest_whatever_is_asked_for(owner: TestClient) -> None:
    dataset = ready("chat", ROWS)
    at = f"/api/datasets/{dataset.id}/search"
    hits = owner.get(at, params={"q": '"number 7 is"'}).json()
    assert ([row["position"] for row in hits["rows"]], hits["total"], hits["complete"]) == ([7], 1, True)
    assert owner.get(at, params={"q": "number", "offset": 28, "limit": 5}).json()["total"] == 30
    for odd in ('"', "* OR", "NEAR(", "'; DROP TABLE rows; --", "\x00"):
        assert owner.get(at, params={"q": odd}).status_code == 200
    assert owner.get(at).status_code == 422
    assert owner.get("/api/datasets/none/search", params={"q": "a"}).status_code == 404
