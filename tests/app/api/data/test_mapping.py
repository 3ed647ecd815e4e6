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


SHORT = "prompt,completion\r\nyes,да\r\n".encode("cp1251")


def test_the_encoding_is_said_asked_for_and_changed_over_rest(owner: TestClient) -> None:
    asked = owner.post("/api/datasets", files={"file": ("short.csv", SHORT)}).json()
    settled(asked["id"])
    asked = owner.get(f"/api/datasets/{asked['id']}").json()
    assert (asked["status"], asked["encoding"]) == ("needs_mapping", None)
    assert "да" in {choice["encoding"]: choice["sample"] for choice in asked["encodings"]}["cp1251"]

    address = f"/api/datasets/{asked['id']}/mapping"
    applied = owner.put(address, json={"mapping": None, "encoding": "windows-1251"})
    assert applied.status_code == 200
    settled(asked["id"])
    ready = owner.get(f"/api/datasets/{asked['id']}").json()
    assert (ready["status"], ready["encoding"], ready["encodings"]) == ("ready", "cp1251", [])
    (row,) = owner.get(f"/api/datasets/{asked['id']}/rows").json()["rows"]
    assert (row["prompt"], row["completion"]) == ("yes", "да")
    wrong = owner.put(address, json={"mapping": None, "encoding": "klingon"})
    assert (wrong.status_code, "`klingon`" in wrong.json()["error"]["message"]) == (422, True)

    other = owner.put(address, json={"mapping": None, "encoding": "koi8-r"}).json()
    assert (other["version"], settled(other["id"]).encoding) == (2, "koi8_r")
    told = owner.post("/api/datasets", files={"file": ("short.csv", SHORT)}, data={"encoding": "CP1251"}).json()
    assert settled(told["id"]).encoding == "cp1251"
    assert owner.post("/api/datasets", files={"file": ("a.csv", SHORT)}, data={"encoding": "x"}).status_code == 422
