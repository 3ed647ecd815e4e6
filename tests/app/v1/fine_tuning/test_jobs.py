"""/v1/files and /v1/fine_tuning/jobs as OpenAI's client sees them: shapes, pages, errors, and the first request."""

import threading
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from app.door import scopes
from engine.accounts import keys
from engine.accounts.key_limits import KeyLimits
from engine.data import datasets
from engine.finetuning import moving, serving
from engine.runs import runs
from engine.serve import endpoints, routing
from engine.serve.waking import waiting
from storage import db, home
from storage import endpoints as stored_endpoints
from storage.openai import jobs as stored
from storage.statuses import EndpointStatus
from tests.app.v1.fine_tuning.asking import CHAT, PREFERENCE, lines, read, runs_made, trained, uploaded
from tests.rest import TOKEN
from tests.serving import active, finished_checkpoint, ready_model, until
from tests.waiting import wait_for


def test_files_come_in_are_listed_given_back_and_deleted(client: OpenAI) -> None:
    ids = [uploaded(client, CHAT, name=f"rows {number}.jsonl") for number in range(3)]
    assert [file.id for file in client.files.list()] == ids[::-1]
    page = client.files.list(limit=2, order="asc")
    assert ([file.id for file in page.data], page.has_more) == (ids[:2], True)
    assert [file.id for file in page.get_next_page()] == ids[2:]
    assert [file.id for file in client.files.list(limit=1)] == ids[::-1]  # the client turns the pages
    assert client.files.list(purpose="batch").data == []
    file = client.files.retrieve(ids[0])
    assert (file.filename, file.bytes, file.purpose) == ("rows 0.jsonl", len(lines(CHAT)), "fine-tune")
    assert client.files.content(ids[0]).content == lines(CHAT)
    assert client.files.delete(ids[0]).deleted
    for call in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError) as gone:
            call(ids[0])
        assert gone.value.code == "file_not_found"


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"data": {"purpose": "batch"}, "files": {"file": ("a", b"{}")}}, "purpose"),
        ({"data": {}, "files": {"file": ("a", b"{}")}}, "purpose"),
        ({"data": {"purpose": "fine-tune"}, "files": {"other": ("a", b"{}")}}, "other"),
        ({"data": {"purpose": "fine-tune", "expires_after[seconds]": "1"}, "files": {"file": ("a", b"{}")}}, None),
        ({"json": {"purpose": "fine-tune"}}, "file"),
    ],
)
def test_a_form_that_is_wrong_is_refused_and_leaves_nothing(url: str, form: dict[str, Any], param: str | None) -> None:
    answer = httpx.post(f"{url}/v1/files", headers={"authorization": f"Bearer {TOKEN}"}, timeout=60, **form)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, param or "expires_after[seconds]")
    assert not list(home.uploads().glob("*"))


def test_what_is_wrong_with_a_job_is_told_by_its_parameter(client: OpenAI, url: str) -> None:
    for more, param in (
        ({"model": "gpt-4o-mini"}, "model"),
        ({"training_file": "file-none"}, "training_file"),
        ({"validation_file": "file-none"}, "validation_file"),
        ({"method": {"type": "reinforcement"}}, "method.type"),
        ({"extra_body": {"colour": "red"}}, "colour"),
        ({"hyperparameters": {"n_epochs": 0}}, "hyperparameters.n_epochs"),
    ):
        ready_model(name="tiny")
        body: Any = {"model": "tiny", "training_file": uploaded(client, CHAT), **more}
        with pytest.raises(openai.BadRequestError) as refused:
            client.fine_tuning.jobs.create(**body)
        assert (refused.value.param, refused.value.type) == (param, "invalid_request_error"), refused.value
        assert client.fine_tuning.jobs.list().data == []
    headers = {"authorization": f"Bearer {TOKEN}"}
    assert httpx.post(f"{url}/v1/fine_tuning/jobs", content=b"{", headers=headers, timeout=60).status_code == 400
    assert (
        httpx.post(f"{url}/v1/fine_tuning/jobs", content=b" " * (3 << 20), headers=headers, timeout=60).status_code
        == 413
    )
    with pytest.raises(openai.NotFoundError):
        client.fine_tuning.jobs.retrieve("ftjob-none")
    for limit in ("0", "101", "x", "²"):
        answer = httpx.get(f"{url}/v1/fine_tuning/jobs", params={"limit": limit}, headers=headers, timeout=60)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "limit")


def test_openais_preferences_become_a_dpo_run_and_a_broken_file_a_failed_job(client: OpenAI) -> None:
    ready_model(name="tiny")
    pairs, broken = uploaded(client, PREFERENCE, PREFERENCE), uploaded(client, {"nothing": 1}, {"nothing": 2})
    hyperparameters: Any = {"beta": 0.3, "n_epochs": 2, "batch_size": "auto", "learning_rate_multiplier": "auto"}
    job = client.fine_tuning.jobs.create(
        model="tiny",
        training_file=pairs,
        method={"type": "dpo", "dpo": {"hyperparameters": hyperparameters}},
        metadata={"team": "a"},
    )
    other = client.fine_tuning.jobs.create(model="tiny", training_file=broken)
    moving.tick()
    assert {job.status for job in client.fine_tuning.jobs.list()} == {"validating_files"}
    assert (read(client, pairs), read(client, broken)) == ("processed", "error")
    moving.tick()
    now = client.fine_tuning.jobs.retrieve(job.id)
    assert (now.status, now.method.dpo.hyperparameters.beta) == ("queued", 0.3)
    (run,) = runs_made()
    assert (run.recipe["method"], run.recipe["num_train_epochs"]) == ("dpo", 2)
    assert datasets.look_up(run.dataset_id).format == "preference_openai"
    failed = client.fine_tuning.jobs.retrieve(other.id)
    assert (failed.status, failed.error.param, failed.error.code) == ("failed", "training_file", "invalid_file_format")
    assert [job.id for job in client.fine_tuning.jobs.list(metadata={"team": "a"})] == [job.id]
    assert [job.id for job in client.fine_tuning.jobs.list(limit=1)] == [other.id, job.id]
    assert client.fine_tuning.jobs.pause(job.id).status == "paused"
    moving.tick()
    moving.tick()
    assert client.fine_tuning.jobs.resume(job.id).status == "queued"
    moving.tick()
    assert client.fine_tuning.jobs.cancel(job.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError):
        client.fine_tuning.jobs.cancel(job.id)


def test_a_key_for_inference_reaches_no_route_that_is_not_listed_for_it(url: str) -> None:
    _, secret = keys.create_key("editor", limits=KeyLimits())
    refused = [
        (method, path.replace("*", "x-1")) for method, path in scopes.ALL_ONLY
    ]  # test_limited_keys: it is complete
    for method, path in [*refused, ("POST", "/v1/anything"), ("GET", "/v1/files/"), ("DELETE", "/v1/models/m")]:
        answer = httpx.request(method, f"{url}{path}", headers={"authorization": f"Bearer {secret}"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden"), (method, path)


def test_what_was_trained_is_served_on_its_first_request(client: OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    job, run_id = trained(client)
    name = str(job.fine_tuned_model)
    assert name in [model.id for model in client.models.list()]
    assert client.models.retrieve(name).id == name
    answers: list[Any] = []

    def ask(model: str) -> None:
        answers.append(client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}]))

    with monkeypatch.context() as patch:
        patch.setattr(waiting, "WAIT_SECONDS", 0.1)
        with pytest.raises(openai.InternalServerError) as early:
            ask(name)
    assert (early.value.status_code, early.value.code) == (503, "model_not_ready")
    assert int(early.value.response.headers["retry-after"]) > 0
    endpoints.delete_endpoint(_endpoint(name).id)

    asking = [threading.Thread(target=ask, args=(name,)) for _ in range(3)]
    for thread in asking:
        thread.start()
    endpoint = wait_for(lambda: _endpoint(name), 30)
    until(active(endpoint).id, EndpointStatus.READY)
    for thread in asking:
        thread.join(60)
    assert [answer.model for answer in answers] == [name] * 3
    assert endpoints.look_up(endpoint.id).idle_minutes == serving.IDLE_MINUTES
    assert [model.id for model in client.models.list()].count(name) == 1
    endpoints.stop_endpoint(endpoint.id)
    with pytest.raises(openai.InternalServerError, match="was stopped by a person") as stopped:
        ask(name)
    assert (stopped.value.status_code, stopped.value.code) == (503, "model_not_ready")
    finished_checkpoint(runs.look_up(run_id), 2)
    (checkpoint,) = client.fine_tuning.jobs.checkpoints.list(job.id)
    assert (checkpoint.step_number, checkpoint.fine_tuned_model_checkpoint) == (2, f"{name}-step-2")
    thread = threading.Thread(target=ask, args=(checkpoint.fine_tuned_model_checkpoint,))
    thread.start()
    endpoint = wait_for(lambda: _endpoint(f"{name}-step-2"), 30)
    until(active(endpoint).id, EndpointStatus.READY)
    thread.join(60)
    assert active(endpoint).adapters == [f"{run_id}@2"]
    assert answers[-1].model == f"{name}-step-2"


def _endpoint(name: str) -> Any:
    with db.reading() as session:
        return stored_endpoints.live_by_name(session, name)


def test_a_name_that_nothing_has_trained_is_not_found_and_starts_nothing(client: OpenAI, url: str) -> None:
    ready_model(name="tiny")
    job = client.fine_tuning.jobs.create(model="tiny", training_file=uploaded(client, CHAT))
    with db.reading() as session:
        name = stored.listed(session, 1)[0].model_name
    for model in ("ft-nothing", "jokes", name, f"{name}-step-3"):
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hello"}])
    assert job.fine_tuned_model is None
    with db.reading() as session:
        assert stored_endpoints.count(session) == 0


def test_a_limited_key_neither_sees_nor_starts_what_it_may_not_use(client: OpenAI, url: str) -> None:
    job, _ = trained(client)
    _, secret = keys.create_key("editor", limits=KeyLimits(models=["jokes"]))
    limited = OpenAI(base_url=f"{url}/v1", api_key=secret, max_retries=0)
    assert list(limited.models.list()) == []
    with pytest.raises(openai.PermissionDeniedError):
        limited.chat.completions.create(model=job.fine_tuned_model, messages=[{"role": "user", "content": "hello"}])
    routing.forget()
    with db.reading() as session:
        assert stored_endpoints.count(session) == 0
