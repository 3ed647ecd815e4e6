"""The mapping of a dataset over REST: seen, tried, applied."""

from starlette.testclient import TestClient

from tests.engine.data.test_mappings import CSV, GERMAN, settled


def test_a_file_nobody_knows_is_mapped_over_rest(owner: TestClient) -> None:
    made = owner.post("/api/datasets", files={"file": ("fragen.csv", CSV)}).json()
    settled(made["id"])
    at = f"/api/datasets/{made['id']}/mapping"
    found = owner.get(at).json()
    assert (found["mapping"], found["guessed"], found["detected"]) == (None, True, GERMAN.model_dump())
    assert found["columns"][3] == {"name": "Thema", "filled": 1.0, "examples": ["a", "b"]}

    tried = owner.post(f"{at}/try", json={"mapping": GERMAN.model_dump(), "rows": 1}).json()
    assert (tried["accepted"], tried["rejected"]) == (2, 1)
    assert [(one["row"], one["verdict"], one["rule"]) for one in tried["rows"]] == [
        (1, "accepted", None),
        (3, "rejected", "empty_answer"),
    ]
    wrong = owner.post(f"{at}/try", json={"mapping": {"kind": "text", "parts": {"text": "Nummer"}}})
    assert wrong.status_code == 422
    assert "`Nummer`" in wrong.json()["error"]["message"]
    twice = {"kind": "chat", "parts": {"prompt": "Frage", "completion": "Frage"}}
    assert owner.put(at, json={"mapping": twice}).status_code == 422

    applied = owner.put(at, json={"mapping": GERMAN.model_dump()})
    assert (applied.status_code, applied.json()["id"]) == (200, made["id"])
    assert settled(made["id"]).kind == "chat"
    assert owner.get(at).json()["mapping"] == GERMAN.model_dump()
    assert owner.get("/api/datasets/abcabcabcabc/mapping").status_code == 404
