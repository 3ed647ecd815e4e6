"""The mapping of a dataset over REST: seen, tried, applied."""

from starlette.testclient import TestClient

from tests.engine.data.test_mappings import CSV, GERMAN, settled


def test_a_file_nobody_knows_is_mapped_over_rest(owner: TestClient) -> None:
    dataset = owner.post("/api/datasets", files={"file": ("fragen.csv", CSV)}).json()
    settled(dataset["id"])
    address = f"/api/datasets/{dataset['id']}/mapping"
    mapping = owner.get(address).json()
    assert (mapping["mapping"], mapping["guessed"], mapping["detected"]) == (None, True, GERMAN.model_dump())
    assert mapping["columns"][3] == {"name": "Thema", "filled": 1.0, "examples": ["a", "b"]}

    tried = owner.post(f"{address}/try", json={"mapping": GERMAN.model_dump(), "rows": 1}).json()
    assert (tried["accepted"], tried["rejected"]) == (2, 1)
    assert [(row["row"], row["verdict"], row["rule"]) for row in tried["rows"]] == [
        (1, "accepted", None),
        (3, "rejected", "empty_answer"),
    ]
    wrong = owner.post(f"{address}/try", json={"mapping": {"kind": "text", "parts": {"text": "Nummer"}}})
    assert wrong.status_code == 422
    assert "`Nummer`" in wrong.json()["error"]["message"]
    twice = {"kind": "chat", "parts": {"prompt": "Frage", "completion": "Frage"}}
    assert owner.put(address, json={"mapping": twice}).status_code == 422

    applied = owner.put(address, json={"mapping": GERMAN.model_dump()})
    assert (applied.status_code, applied.json()["id"]) == (200, dataset["id"])
    assert settled(dataset["id"]).kind == "chat"
    assert owner.get(address).json()["mapping"] == GERMAN.model_dump()
    assert owner.get("/api/datasets/abcabcabcabc/mapping").status_code == 404
