"""Lists of datasets and models over REST: filters and order, what people write, many at once."""

import pytest
from fastapi.testclient import TestClient

from storage import datasets as stored
from storage import db
from storage.statuses import DatasetStatus, ModelStatus, RunStatus
from storage.tables import Dataset, Model, Run
from tests import stored_runs

HOSTILE = "<img src=x onerror=alert(1)>"


def add_datasets() -> None:
    with db.session() as session:
        session.add(Dataset(id="a1", project_id="default", name="jokes", kind="chat", accepted=10, created_at=1.0))
        session.add(Dataset(id="b1", project_id="default", name="Sums 100%", kind="chat", accepted=30, created_at=2.0))
        session.add(
            Dataset(id="c1", project_id="default", name="pairs", kind="preference", repaired=20, created_at=3.0)
        )
        session.flush()
        session.add(Dataset(id="a2", project_id="default", name="jokes", family_id="a1", version=2, created_at=4.0))


def add_models() -> None:
    with db.session() as session:
        for number, (name, parameters) in enumerate((("small", 10), ("great", 30), ("unknown", None))):
            status = ModelStatus.READY if parameters else ModelStatus.FAILED
            row = Model(id=f"m{number}", source="hub", source_id=f"o/{name}", name=name, status=status)
            row.parameters, row.created_at = parameters, float(number)
            session.add(row)


def ids(owner: TestClient, address: str) -> list[str]:
    answer = owner.get(address)
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["X-Total-Count"]) >= len(answer.json())
    return [row["id"] for row in answer.json()]


def test_datasets_are_searched_filtered_and_sorted(owner: TestClient) -> None:
    add_datasets()
    owner.patch("/api/datasets/b1", json={"tags": ["maths", "a b"], "description": "Made by hand"})
    for query, expected in (
        ("", ["a2", "c1", "b1", "a1"]),
        ("newest_only=true", ["a2", "c1", "b1"]),
        ("search=SUMS", ["b1"]),
        ("search=100%25", ["b1"]),
        ("search=hand+maths", ["b1"]),
        ("search=hand+jokes", []),
        ("search=c1", ["c1"]),
        ("kind=chat&sort=created", ["a1", "b1"]),
        ("tag=maths", ["b1"]),
        ("tag=math", []),
        ("sort=-rows&newest_only=true", ["b1", "c1", "a2"]),
        ("sort=name", ["a2", "a1", "c1", "b1"]),
        ("status=ready", []),
    ):
        assert ids(owner, f"/api/datasets?{query}") == expected, query


def test_models_are_searched_filtered_and_sorted(owner: TestClient) -> None:
    add_models()
    for query, expected in (
        ("", ["m2", "m1", "m0"]),
        ("search=o/small", ["m0"]),
        ("status=failed", ["m2"]),
        ("source=hub&sort=name", ["m1", "m0", "m2"]),
        ("sort=-parameters", ["m1", "m0", "m2"]),
        ("trainable=true", []),
    ):
        assert ids(owner, f"/api/models?{query}") == expected, query


@pytest.mark.parametrize("query", ["datasets?sort=sha256", "models?sort=path", "datasets?status=gone", "models?tag="])
def test_an_order_or_filter_that_there_is_not_is_refused(owner: TestClient, query: str) -> None:
    answer = owner.get(f"/api/{query}")
    assert answer.status_code == (200 if query.endswith("tag=") else 422)


def test_what_is_written_on_a_dataset_is_written_on_all_its_versions(owner: TestClient) -> None:
    add_datasets()
    words = {"name": HOSTILE, "tags": ["x", "y"], "description": "Two\nlines"}
    assert {**owner.patch("/api/datasets/a1", json=words).json(), **words} == owner.get("/api/datasets/a1").json()
    newest = owner.get("/api/datasets/a2").json()
    assert {field: newest[field] for field in words} == words
    assert owner.patch("/api/datasets/a2", json={"tags": []}).json()["name"] == HOSTILE
    assert owner.get("/api/datasets/a1").json()["tags"] == []


BAD_WORDS = [
    *({"name": name} for name in ("", " ", "n" * 121)),
    *({"tags": tags} for tags in (["a,b"], ["t"] * 30, ["t" * 41])),
    *({"description": text} for text in ("d" * 2001, "bell \a")),
    {"sha256": "x"},
]


@pytest.mark.parametrize("body", BAD_WORDS)
def test_words_that_cannot_be_kept_are_refused_and_nothing_changes(owner: TestClient, body: object) -> None:
    add_datasets()
    add_models()
    for address in ("/api/datasets/a1", "/api/models/m0"):
        before = owner.get(address).json()
        assert owner.patch(address, json=body).status_code == 422
        assert owner.get(address).json() == before
    assert owner.patch("/api/datasets/none", json={"name": "x"}).status_code == 404
    assert owner.patch("/api/models/none", json={"name": "x"}).status_code == 404


def test_many_are_tagged_and_untagged_at_once(owner: TestClient) -> None:
    add_datasets()
    add_models()
    for noun, listed in (("datasets", ["a1", "c1"]), ("models", ["m0", "m1"])):
        body = {"action": "tag", "ids": [*listed, "none"], "tag": " a  b "}
        answer = owner.post(f"/api/{noun}/bulk", json=body).json()
        assert answer["done"] == listed
        assert [refused["id"] for refused in answer["refused"]] == ["none"]
        assert owner.get(f"/api/{noun}/{listed[0]}").json()["tags"] == ["a b"]
        owner.post(f"/api/{noun}/bulk", json={**body, "action": "untag"})
        assert owner.get(f"/api/{noun}/{listed[0]}").json()["tags"] == []
        assert owner.post(f"/api/{noun}/bulk", json={"action": "tag", "ids": listed}).status_code == 422


def test_many_datasets_are_deleted_with_their_versions_but_not_those_a_run_uses(owner: TestClient) -> None:
    add_datasets()
    with db.session() as session:
        session.add(Model(id="m1", source="hub", source_id="o/m", name="m"))
        session.flush()
        run = Run(id="r1", project_id="default", name="r", model_id="m1", dataset_id="c1", recipe={})
        run.status = RunStatus.SUCCEEDED
        session.add(run)
    answer = owner.post("/api/datasets/bulk", json={"action": "delete", "ids": ["a2", "c1"]}).json()
    assert answer["done"] == ["a2"]
    assert "uses dataset `pairs`" in answer["refused"][0]["message"]
    assert ids(owner, "/api/datasets") == ["c1", "b1"]


def test_of_a_dataset_whose_older_version_is_used_none_is_deleted(owner: TestClient) -> None:
    add_datasets()
    with db.session() as session:
        session.add(Model(id="m1", source="hub", source_id="o/m", name="m"))
        session.flush()
        session.add(Run(id="r1", project_id="default", name="r", model_id="m1", dataset_id="a1", recipe={}))
    assert owner.post("/api/datasets/bulk", json={"action": "delete", "ids": ["a2"]}).json()["done"] == []
    assert {"a1", "a2"} <= set(ids(owner, "/api/datasets"))


def test_many_models_are_deleted_but_not_those_a_run_uses(owner: TestClient) -> None:
    stored_runs.add("a")  # on m1
    with db.session() as session:
        session.add(Model(id="m0", source="hub", source_id="o/m", name="m", status=ModelStatus.READY))
    answer = owner.post("/api/models/bulk", json={"action": "delete", "ids": ["m0", "m1"]}).json()
    assert answer["done"] == ["m0"]
    assert "trained on tiny" in answer["refused"][0]["message"]
    assert ids(owner, "/api/models") == ["m1"]


def test_a_new_version_keeps_what_was_written(owner: TestClient) -> None:
    add_datasets()
    owner.patch("/api/datasets/a1", json={"name": "puns", "tags": ["x"], "description": "d"})
    version = Dataset(project_id="default", name="jokes", family_id="a1", status=DatasetStatus.READY)
    with db.session() as session:
        stored.join_family(session, version)
        session.add(version)
    answer = owner.get(f"/api/datasets/{version.id}").json()
    assert (answer["version"], answer["name"], answer["tags"], answer["description"]) == (3, "puns", ["x"], "d")
