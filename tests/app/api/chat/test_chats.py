"""Chats over REST, from a question to the dataset that its votes become, with a real process behind the endpoint."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from engine.chat import answering, opinions
from engine.data import importing
from engine.process import plan
from engine.serve import endpoints, routing
from tests.serving import bring_up, end_all, finished_run, ready_model
from tests.waiting import wait_for

ASK = {"model": "jokes", "beside": "jokes:base", "temperature": 0}


@pytest.fixture
def jokes(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An endpoint of that name with its base beside it; gives the id of the run behind it."""
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    run = finished_run(ready_model(), name="jokes")
    bring_up(endpoints.serve_run(run.id))
    routing.forget()
    yield run.id
    answering.stop_all()
    end_all()


def begun(owner: TestClient) -> str:
    return str(owner.post("/api/chats", json={}).json()["id"])


def answered(owner: TestClient, chat_id: str) -> dict[str, Any]:
    """The chat when nothing is being written in it any more."""

    def whole() -> dict[str, Any]:
        shown: dict[str, Any] = owner.get(f"/api/chats/{chat_id}").json()
        return {} if any(not one["is_over"] for one in shown["writing"]) else shown

    return wait_for(whole, 30)


def asked(owner: TestClient, chat_id: str, text: str, **more: Any) -> dict[str, Any]:
    answer = owner.post(f"/api/chats/{chat_id}/messages", json={**ASK, "text": text, **more})
    assert answer.status_code == 202, answer.text
    return answered(owner, chat_id)


def said(talk: dict[str, Any], side: str) -> dict[str, Any]:
    """The first turn of a side: two answers are stored as they end, whichever is first."""
    return next(message for message in talk["messages"] if message["side"] == side)


def ready(owner: TestClient, dataset: dict[str, Any]) -> dict[str, Any]:
    def made() -> dict[str, Any]:
        importing.tick()
        shown: dict[str, Any] = owner.get(f"/api/datasets/{dataset['id']}").json()
        return {} if shown["status"] == "importing" else shown

    return wait_for(made, 60)


def test_from_a_question_over_votes_to_a_dataset_that_dpo_takes(owner: TestClient, jokes: str) -> None:
    chat_id = begun(owner)
    talk = asked(owner, chat_id, "one two three", system="Be brief.")
    question, tuned, base = (said(talk, side) for side in ("user", "tuned", "base"))
    assert (tuned["model"], tuned["weights"], tuned["system"]) == ("jokes", jokes, "Be brief.")
    assert (tuned["tokens"], tuned["tokens_estimated"]) == (4, False)  # "RUN says" is one word of the fake server
    assert base["model"] == "jokes:base"
    assert 0 < tuned["first_token_seconds"] <= tuned["seconds"]
    for better in ("base", "tuned"):  # the second vote takes the first one's place
        vote = {"question_id": question["id"], "better": better}
        assert owner.post("/api/votes", json=vote).status_code == 201
    for message, good in ((tuned, True), (base, False)):
        assert owner.post("/api/ratings", json={"message_id": message["id"], "good": good}).status_code == 201
    (vote,) = owner.get("/api/votes").json()
    assert (vote["better"], vote["tuned"]["weights"], vote["base"]["model"]) == ("tuned", jokes, "jokes:base")
    assert [one["good"] for one in owner.get("/api/ratings").json()] == [True, False]
    (standing,) = owner.get("/api/votes/standings").json()
    assert (standing["first"], standing["won"], standing["verdict"]) == ("jokes", 1, "no_proof")
    pairs = ready(owner, owner.post("/api/votes/dataset").json())
    assert (pairs["name"], pairs["kind"], pairs["accepted"], pairs["rejected"]) == (
        "Votes from chat",
        "preference",
        1,
        0,
    )
    (row,) = owner.get(f"/api/datasets/{pairs['id']}/rows").json()["rows"]
    assert row["chosen"][0]["content"] == tuned["content"]
    marked = ready(owner, owner.post("/api/ratings/dataset", json={"name": "Thumbs"}).json())
    assert (marked["name"], marked["kind"], marked["accepted"]) == ("Thumbs", "unpaired", 2)
    model_id = owner.get("/api/models").json()[0]["id"]
    for method, dataset in (("dpo", pairs), ("kto", marked)):
        recipe = {"model_id": model_id, "dataset_id": dataset["id"], "method": method, "max_length": 64}
        problems = owner.post("/api/runs/check", json={"recipe": recipe}).json()
        assert [
            problem for problem in problems if problem["level"] == "error" and problem["field"] == "dataset_id"
        ] == []
    assert owner.delete(f"/api/votes/{question['id']}").status_code == 204
    assert owner.delete(f"/api/ratings/{tuned['id']}").status_code == 204
    assert (owner.get("/api/votes").json(), len(owner.get("/api/ratings").json())) == ([], 1)
    assert owner.post("/api/votes/dataset").status_code == 422


def test_a_question_is_changed_answered_again_and_taken_away(owner: TestClient, jokes: str) -> None:
    chat_id = begun(owner)
    first = asked(owner, chat_id, "one", beside="")
    assert [message["side"] for message in first["messages"]] == ["user", "tuned"]
    changed = asked(owner, chat_id, "# two", instead_of=first["messages"][0]["id"])
    assert changed["messages"][0]["content"] == "# two"
    (kept,) = changed["branches"]
    assert kept["question"] == "one"
    whole = owner.get(f"/api/chats/{kept['id']}").json()
    assert (whole["branch_of"], [one["content"] for one in whole["messages"]]) == (
        chat_id, [one["content"] for one in first["messages"]],
    )  # fmt: skip
    assert owner.post(f"/api/chats/{chat_id}/again", json=ASK).status_code == 202
    talk = answered(owner, chat_id)
    assert len(talk["branches"]) == 2
    listed = owner.get("/api/chats")
    assert ([one["id"] for one in listed.json()], listed.headers["x-total-count"]) == ([chat_id], "1")
    assert owner.patch(f"/api/chats/{chat_id}", json={"title": "숫자 <b>"}).json()["title"] == "숫자 <b>"
    text = owner.get(f"/api/chats/{chat_id}/export")
    assert text.text.startswith("# 숫자 <b>\n")
    assert "## jokes:base\n" in text.text
    assert "found better" not in text.text
    opinions.vote(talk["messages"][0]["id"], "tuned")
    assert "*jokes was found better.*" in owner.get(f"/api/chats/{chat_id}/export").text
    assert text.headers["content-disposition"] == 'attachment; filename="b.md"'
    file = owner.get(f"/api/chats/{chat_id}/export?format=json")
    assert {one["side"] for one in file.json()["messages"]} == {"user", "tuned", "base"}
    assert owner.delete(f"/api/chats/{chat_id}").status_code == 204
    assert [owner.get(f"/api/chats/{one}").status_code for one in (chat_id, kept["id"])] == [404, 404]


def test_two_models_answer_with_settings_of_their_own_which_stay_with_the_answers(
    owner: TestClient, jokes: str
) -> None:
    own: dict[str, Any] = {
        "tuned": {"seed": None, "top_p": 0.5},
        "base": {"system": "Be brief.", "temperature": 1.5, "stop": ["END"]},
    }
    own["base"]["repetition_penalty"] = 1.3
    talk = asked(owner, begun(owner), "one", seed=7, max_tokens=32, own=own)
    tuned, base = (said(talk, side) for side in ("tuned", "base"))
    both = {"max_tokens": 32, "temperature": 0.0, "top_p": 1.0, "seed": 7, "stop": [], "repetition_penalty": 1.0}
    assert (tuned["system"], tuned["sampling"]) == ("", {**both, "seed": None, "top_p": 0.5})
    assert (base["system"], base["sampling"]) == (
        "Be brief.",
        {**both, **{name: own["base"][name] for name in ("temperature", "stop", "repetition_penalty")}},
    )
    assert said(talk, "user")["sampling"] is None
    text = owner.get(f"/api/chats/{talk['id']}/export").text
    assert "Temperature 1.5, at most 32 tokens, repetition penalty 1.3, seed 7, 1 stop text." in text
    wrongs: list[Any] = [{"base": {"temperature": 3}}, {"both": {}}, {"tuned": {"max_tokens": 0}}]
    wrongs += [{"base": {"repetition_penalty": 0}}]
    for wrong in wrongs:
        body = {**ASK, "text": "two", "own": wrong}
        assert owner.post(f"/api/chats/{talk['id']}/messages", json=body).status_code == 422


def test_an_answer_is_seen_as_it_comes_and_stopped(owner: TestClient, jokes: str) -> None:
    chat_id = begun(owner)
    owner.post(f"/api/chats/{chat_id}/messages", json={**ASK, "text": "slow " * 200})

    def comes() -> bool:
        return all(one["text"] for one in owner.get(f"/api/chats/{chat_id}").json()["writing"])

    wait_for(comes, 30)
    busy = owner.post(f"/api/chats/{chat_id}/messages", json={**ASK, "text": "another"})
    assert (busy.status_code, busy.json()["error"]["type"]) == (409, "conflict")
    stopped = owner.post(f"/api/chats/{chat_id}/stop").json()
    assert len(stopped["messages"]) == 3
    assert not any(one["complete"] for one in stopped["messages"][1:])
    assert stopped["writing"] == []


def test_a_file_goes_with_a_question_and_a_bad_one_leaves_nothing(owner: TestClient, jokes: str) -> None:
    chat_id = begun(owner)
    for name, reason in (("cat.png", "is a picture"), ("x.bin", "cannot be attached")):
        wrong = {**ASK, "text": "Look.", "files": [{"name": name, "text": "a"}]}
        answer = owner.post(f"/api/chats/{chat_id}/messages", json=wrong)
        assert answer.status_code == 422
        assert reason in answer.json()["error"]["message"]
    unknown = owner.post(f"/api/chats/{chat_id}/messages", json={**ASK, "text": "x", "beside": "nobody"})
    assert unknown.status_code == 404
    assert owner.get(f"/api/chats/{chat_id}").json()["messages"] == []
    talk = asked(owner, chat_id, "Look.", files=[{"name": "a.csv", "text": "x,y\n1,2\n"}])
    assert talk["messages"][0]["content"] == "Look.\n\n`a.csv`\n\n```csv\nx,y\n1,2\n```"
    broken = asked(owner, chat_id, "die", beside="")
    assert [(one["side"], one["is_over"]) for one in broken["writing"]] == [("tuned", True)]
    assert "broke off" in broken["writing"][0]["error"]


def test_an_empty_chat_is_taken_away_too(owner: TestClient) -> None:
    chat_id = begun(owner)
    assert owner.get(f"/api/chats/{chat_id}/export").text.startswith("# Chat\n")
    assert owner.get(f"/api/chats/{chat_id}/export?format=json").json()["messages"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("post", "/api/chats", {"project_id": "gone"}, 404),
        ("get", "/api/chats/gone", None, 404),
        ("delete", "/api/chats/gone", None, 404),
        ("post", "/api/chats/gone/stop", None, 404),
        ("get", "/api/chats/gone/export", None, 404),
        ("post", "/api/votes", {"question_id": 9, "better": "tuned"}, 404),
        ("post", "/api/votes", {"question_id": 9, "better": "user"}, 422),
        ("post", "/api/ratings", {"message_id": 9, "good": True}, 404),
        ("delete", "/api/votes/9", None, 404),
        ("delete", "/api/ratings/x", None, 422),
        ("post", "/api/ratings/dataset", {"project_id": "gone"}, 422),
    ],
)
def test_what_is_not_there_is_said(owner: TestClient, method: str, path: str, body: Any, code: int) -> None:
    answer = owner.request(method, path, json=body)
    assert answer.status_code == code, answer.text
    assert answer.json()["error"]["message"]
