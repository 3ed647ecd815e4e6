"""What REST says of a model's tokenizer and chat template."""

from engine.weights.token_facts import TokenFacts
from storage import db
from storage.statuses import ModelStatus
from storage.tables import Model
from tests.rest import log_in, make_client


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
