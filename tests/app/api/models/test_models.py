"""What REST says of a model's tokenizer and chat template; GGUF files that are uploaded."""

from pathlib import Path

from starlette.testclient import TestClient

from engine.weights.token_facts import TokenFacts
from storage import db, home
from storage.statuses import ModelStatus
from storage.tables import Model
from tests.engine.weights import gguf_headers
from tests.rest import log_in, make_access, make_client


def test_where_answers_end_and_what_does_not_fit_is_answered() -> None:
    facts = TokenFacts(turn_end="<|im_end|>", eos=["<|endoftext|>"], eos_ids=[2, 0]).model_dump()
    seen = Model(source="hub", source_id="o/a", name="seen", status=ModelStatus.READY, token_facts=facts)
    unseen = Model(source="hub", source_id="o/b", name="unseen", status=ModelStatus.READY)
    with db.session() as session:
        session.add_all([seen, unseen])
    with log_in(make_client()) as client:
        answers = {model["name"]: model for model in client.get("/api/models").json()}
        assert client.get(f"/api/models/{seen.id}").json() == answers["seen"]
        schema = client.get("/api/openapi.json").json()["components"]["schemas"]["ModelAnswer"]["properties"]
    assert answers["seen"]["ends_with"] == "<|im_end|>"
    assert answers["seen"]["remarks"][0].startswith("Its chat template ends a turn with `<|im_end|>`")
    assert (answers["unseen"]["ends_with"], answers["unseen"]["remarks"]) == (None, [])
    assert "token_facts" not in schema
    assert {"ends_with", "remarks"} <= set(schema)


def test_a_gguf_file_is_uploaded_or_refused_and_a_visitor_sees_no_path(owner: TestClient, tmp_path: Path) -> None:
    content = gguf_headers.whole(tmp_path / "mine.gguf").read_bytes() + bytes(3 << 20)  # more than other calls may send
    added = owner.post("/api/models/upload", files={"file": ("mine.gguf", content)})
    assert (added.status_code, added.json()["source"], added.json()["name"]) == (201, "gguf", "mine")
    refused = owner.post("/api/models/upload", files={"file": ("mine.gguf", content[:100])})
    assert (refused.status_code, "cut off" in refused.json()["error"]["message"]) == (422, True)
    two = owner.post("/api/models/upload", files=[("file", ("a.gguf", content)), ("file", ("b.gguf", content))])
    assert two.json()["error"]["message"] == "The form has 2 files."
    assert not list(home.uploads().iterdir())
    named = owner.post("/api/models", json={"source": "path", "id": str(tmp_path / "mine.gguf")}).json()
    assert (named["source"], named["source_id"]) == ("gguf", str(tmp_path / "mine.gguf"))
    assert [model["id"] for model in owner.get("/api/models?source=gguf").json()] == [named["id"], added.json()["id"]]
    with db.session() as session:
        session.merge(Model(id=named["id"], source="gguf", source_id=named["source_id"], name="m", revision="Q4_K x"))
    assert "quantised (Q4_K)" in owner.get(f"/api/models/{named['id']}").json()["remarks"][0]
    access = make_access()
    visitor = make_client(access)
    visitor.cookies.set(access.cookie, access.sessions.new(60, "viewer"))
    assert visitor.get(f"/api/models/{named['id']}").json()["source_id"] == "mine.gguf"
