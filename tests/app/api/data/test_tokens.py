"""Tokens of datasets over REST."""

import shutil
from pathlib import Path

from starlette.testclient import TestClient

from engine.process import work
from tests.workers.tokens.vocabularies import furnish, turns


def test_rows_come_as_tokens_and_the_totals_with_them(owner: TestClient, tmp_path: Path) -> None:
    dataset, model = furnish(tmp_path, "chat", [{"messages": turns("Q", f"A{n}")} for n in range(3)])
    at = f"/api/datasets/{dataset.id}/tokens"
    page = owner.get(f"{at}?model_id={model.id}&limit=2&offset=1").json()
    assert (len(page["rows"]), page["total"], page["offset"], page["totals"]) == (2, 3, 1, None)
    assert page["rows"][0]["sides"][0]["runs"][1] == {"state": "trained", "tokens": ["A", "1", "<|im_end|>"]}
    assert owner.get(f"{at}/totals?model_id={model.id}").status_code == 404
    started = owner.post(f"{at}/totals", json={"model_id": model.id})
    assert started.status_code == 202
    (counting,) = work.about(dataset.id, "token_totals")
    work.wait(counting.id, 60)
    totals = owner.get(f"{at}/totals?model_id={model.id}").json()
    assert (totals["status"], totals["totals"]["kept"]) == ("succeeded", 3)
    assert totals["totals"]["histogram"][0]["from"] == 0
    assert owner.get(f"{at}?model_id={model.id}").json()["totals"] == totals["totals"]


def test_what_cannot_be_counted_is_said(owner: TestClient, tmp_path: Path) -> None:
    dataset, model = furnish(tmp_path / "model", "text", [{"text": "fox"}])
    at = f"/api/datasets/{dataset.id}/tokens"
    assert owner.get(at).status_code == 422
    assert owner.get(f"{at}?model_id=nope").status_code == 404
    assert owner.get(f"{at}?model_id={model.id}&max_length=3").status_code == 422
    assert owner.get(f"/api/datasets/nope/tokens?model_id={model.id}").status_code == 404
    shutil.rmtree(tmp_path / "model")
    assert owner.get(f"{at}?model_id={model.id}").status_code == 409
