"""What OpenAI's client is told when it asks for what cannot be: its own exception, the parameter, the code, the row."""

from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI

from engine.accounts import keys
from engine.accounts.key_limits import KeyLimits
from engine.data import importing
from engine.finetuning import moving
from engine.runs import runs
from storage import home
from tests.app.v1.fine_tuning.asking import CHAT, PREFERENCE, lines, read, runs_made, succeed, uploaded
from tests.rest import TOKEN
from tests.serving import finished_checkpoint, ready_model
from tests.waiting import wait_for

Refused = tuple[type[openai.APIStatusError], str | None, str]  # the exception, and its param and code
CUT = b'{"messages": [\n'  # a line that ends too early


def refusal(act: Callable[[], Any], expected: Refused) -> str:
    """The words with which a call is refused, as it should be."""
    kind, param, code = expected
    with pytest.raises(openai.APIStatusError) as refused:
        act()
    error = refused.value
    assert (type(error), error.param, error.code) == (kind, param, code), error
    assert error.type == "invalid_request_error"
    assert set(error.response.json()["error"]) == {"message", "type", "param", "code"}
    return str(error.response.json()["error"]["message"])


def bad(param: str | None, code: str = "invalid_value") -> Refused:
    return openai.BadRequestError, param, code


def sent(client: OpenAI, content: bytes) -> Any:
    """A file of these bytes, when it has been read."""
    file = client.files.create(file=("rows.jsonl", content), purpose="fine-tune")
    read(client, file.id)
    return client.files.retrieve(file.id)


def moved(client: OpenAI, **asked: Any) -> Any:
    """A job after its files were looked at."""
    job = client.fine_tuning.jobs.create(model="tiny", **asked)
    moving.tick()
    moving.tick()
    return client.fine_tuning.jobs.retrieve(job.id)


def test_a_file_that_is_no_use_is_refused_and_one_that_is_broken_says_which_rows(client: OpenAI) -> None:
    ready_model(name="tiny")
    purpose: Any = "batch"
    refusal(lambda: client.files.create(file=("a.jsonl", b"{}"), purpose=purpose), bad("purpose"))
    empty = refusal(lambda: client.files.create(file=("a.jsonl", b""), purpose="fine-tune"), bad("file", "empty_file"))
    assert "`a.jsonl` is empty" in empty
    assert not list(home.uploads().glob("*"))
    assert client.files.list().data == []

    some = sent(client, lines(CHAT, CHAT) + CUT + lines(CHAT))
    assert some.status == "processed"
    assert some.status_details.startswith("1 of 4 rows is left out. Row 3: invalid json (unexpected end of data")
    none = sent(client, lines({"messages": [{"role": "user", "content": "x"}]}, {"messages": "x"}))
    assert (none.status, "Row 1: " in none.status_details, "Row 2: " in none.status_details) == ("error", True, True)
    assert "line 1" not in some.status_details  # of the row, whichever it is in the file

    job = moved(client, training_file=some.id)
    assert job.status == "queued"
    (warning,) = (event for event in client.fine_tuning.jobs.list_events(job.id) if event.level == "warn")
    assert "Row 3: invalid json" in warning.message
    failed = moved(client, training_file=none.id)
    assert (failed.status, failed.error.param, failed.error.code) == ("failed", "training_file", "invalid_file_format")
    assert none.status_details in failed.error.message


def test_rows_of_the_other_method_fail_the_job_and_say_what_it_learns_from(client: OpenAI) -> None:
    ready_model(name="tiny")
    chats, pairs = uploaded(client, CHAT, CHAT), uploaded(client, PREFERENCE, PREFERENCE)
    assert read(client, chats) == read(client, pairs) == "processed"
    dpo: Any = {"type": "dpo"}
    for asked, param, learns_from in (
        ({"training_file": pairs}, "training_file", "`messages`"),
        ({"training_file": chats, "method": dpo}, "training_file", "`preferred_output`"),
        ({"training_file": chats, "validation_file": pairs}, "validation_file", "`messages`"),
    ):
        job = moved(client, **asked)
        assert (job.status, job.error.param, job.error.code) == ("failed", param, "invalid_file_format")
        assert learns_from in job.error.message
        assert job.finished_at


MANY_LABELS = {str(number): "x" for number in range(17)}


def test_each_wrong_parameter_of_a_job_is_named_where_the_client_wrote_it(client: OpenAI) -> None:
    ready_model(name="tiny")
    file_id = uploaded(client, CHAT)

    def create(**more: Any) -> Any:
        return client.fine_tuning.jobs.create(**{"model": "tiny", "training_file": file_id, **more})

    def supervised(**chosen: Any) -> dict[str, Any]:
        return {"method": {"type": "supervised", "supervised": {"hyperparameters": chosen}}}

    old, new = "hyperparameters.", "method.supervised.hyperparameters."
    wrong: list[tuple[dict[str, Any], Refused]] = [
        ({"model": "gpt-4o-mini"}, bad("model", "model_not_found")),
        ({"training_file": "file-none"}, bad("training_file", "file_not_found")),
        ({"hyperparameters": {"colour": 1}}, bad(f"{old}colour", "unknown_parameter")),
        (supervised(beta=1), bad(f"{new}beta", "unknown_parameter")),
        ({"hyperparameters": {"n_epochs": -1}}, bad(f"{old}n_epochs")),
        ({"hyperparameters": {"n_epochs": "many"}}, bad(f"{old}n_epochs")),
        ({"hyperparameters": {"batch_size": 0}}, bad(f"{old}batch_size")),
        ({"hyperparameters": {"learning_rate_multiplier": True}}, bad(f"{old}learning_rate_multiplier")),
        ({"hyperparameters": {"learning_rate_multiplier": "0.5"}}, bad(f"{old}learning_rate_multiplier")),
        ({"hyperparameters": {"learning_rate_multiplier": 9999}}, bad(f"{old}learning_rate_multiplier")),
        (supervised(learning_rate_multiplier=9999), bad(f"{new}learning_rate_multiplier")),
        ({"hyperparameters": []}, bad("hyperparameters")),
        ({"method": "dpo"}, bad("method")),
        ({"method": {}}, bad("method.type", "missing_required_parameter")),
        ({"suffix": "x" * 65}, bad("suffix")),
        ({"suffix": "a\x07b"}, bad("suffix")),
        ({"suffix": "a\u202eb"}, bad("suffix")),
        ({"metadata": MANY_LABELS}, bad("metadata")),
        ({"metadata": {"k" * 65: "x"}}, bad(f"metadata.{'k' * 65}")),
        ({"metadata": {"k": "x" * 513}}, bad("metadata.k")),
        ({"metadata": {"k": "a\0b"}}, bad("metadata.k")),
        ({"seed": -1}, bad("seed")),
    ]
    for more, expected in wrong:
        words = refusal(lambda more=more: create(**more), expected)  # type: ignore[misc]
        assert "instance of" not in words
        assert "`" in words
    assert client.fine_tuning.jobs.list().data == []
    auto = create(hyperparameters=dict.fromkeys(("n_epochs", "batch_size", "learning_rate_multiplier"), "auto"))
    assert set(auto.hyperparameters.model_dump().values()) == {"auto"}
    odd = create(suffix="\N{SLIGHTLY SMILING FACE} \u00dcn/..\\<b>")
    assert (odd.status, odd.suffix) == ("validating_files", "\N{SLIGHTLY SMILING FACE} \u00dcn/..\\<b>")


def test_bodies_and_addresses_that_no_client_sends_are_refused_in_the_same_shape(client: OpenAI, url: str) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    for method, path, body, status in (
        ("POST", "/fine_tuning/jobs", b"[]", 400),
        ("POST", "/fine_tuning/jobs", b"{", 400),
        ("POST", "/fine_tuning/jobs", b"null", 400),
        ("PATCH", "/files", b"", 404),
        ("POST", "/uploads", b"", 404),
        ("GET", "/fine_tuning/jobs/a%2Fb", b"", 404),
        ("GET", "/files/%2e%2e", b"", 404),
        ("GET", "/files/a%00b/content", b"", 404),
        ("GET", "/files?order=up", b"", 400),
        ("GET", "/files?after=file-none", b"", 400),
    ):
        answer = httpx.request(method, f"{url}/v1{path}", content=body, headers=headers, timeout=60)
        error = answer.json()["error"]
        assert (answer.status_code, error["type"]) == (status, "invalid_request_error"), (method, path)
        assert set(error) == {"message", "type", "param", "code"}
        assert "``" not in error["message"]
    with pytest.raises(openai.NotFoundError, match="There is no PATCH /v1/files here"):
        client.patch("/files", cast_to=object)


def test_a_wrong_key_a_small_key_and_a_large_file_raise_the_exceptions_of_the_client(
    client: OpenAI, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = keys.create_key("editor", limits=KeyLimits())
    for key, expected in (
        ("wrong", (openai.AuthenticationError, None, "invalid_api_key")),
        (secret, (openai.PermissionDeniedError, None, "forbidden")),
    ):
        other = OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0)
        refusal(other.files.list, expected)
        refusal(lambda other=other: other.files.create(file=("a", b"x" * 100_000), purpose="fine-tune"), expected)  # type: ignore[misc]
    monkeypatch.setenv("TUNESMITH_MAX_UPLOAD_GB", "0.001")
    too_large = (openai.APIStatusError, "file", "too_large")
    for size in (1_100_000, 20_000_000):  # told before it has come, too
        words = refusal(lambda size=size: client.files.create(file=("a", b"x" * size), purpose="fine-tune"), too_large)  # type: ignore[misc]
        assert "larger than 1 MB" in words
    assert not list(home.uploads().glob("*"))


def test_what_a_job_cannot_do_where_it_is_is_refused_and_changes_nothing(client: OpenAI) -> None:
    ready_model(name="tiny")
    jobs = client.fine_tuning.jobs
    unknown = (openai.NotFoundError, "fine_tuning_job_id", "not_found")
    for call in (jobs.retrieve, jobs.cancel, jobs.pause, jobs.resume, jobs.list_events, jobs.checkpoints.list):
        refusal(lambda call=call: call("ftjob-none"), unknown)  # type: ignore[misc]
    wrong_status = bad("fine_tuning_job_id", "wrong_status")

    job = jobs.create(model="tiny", training_file=uploaded(client, CHAT))
    assert jobs.pause(job.id).status == "paused"
    refusal(lambda: jobs.pause(job.id), wrong_status)
    assert jobs.resume(job.id).status == "validating_files"
    refusal(lambda: jobs.resume(job.id), wrong_status)
    assert jobs.cancel(job.id).status == "cancelled"
    for _ in range(2):  # before and after it is done
        for call in (jobs.cancel, jobs.pause, jobs.resume):
            refusal(lambda call=call: call(job.id), wrong_status)  # type: ignore[misc]
        moving.tick()
    now = jobs.retrieve(job.id)
    assert (now.status, now.error, now.fine_tuned_model, bool(now.finished_at)) == ("cancelled", None, None, True)
    assert jobs.list_events(job.id).data[0].message == "The job was cancelled"
    assert runs_made() == []


def test_a_file_deleted_while_its_job_waits_is_gone_for_clients_and_the_job_goes_on_to_its_end(client: OpenAI) -> None:
    ready_model(name="tiny")
    jobs = client.fine_tuning.jobs
    file_id = uploaded(client, CHAT, CHAT)
    job = jobs.create(model="tiny", training_file=file_id)
    assert client.files.delete(file_id).deleted
    gone = (openai.NotFoundError, "id", "file_not_found")
    for call in (client.files.retrieve, client.files.content, client.files.delete):
        refusal(lambda call=call: call(file_id), gone)  # type: ignore[misc]
    refusal(lambda: jobs.create(model="tiny", training_file=file_id), bad("training_file", "file_not_found"))

    def waits_no_more() -> bool:
        importing.tick()
        moving.tick()
        return bool(jobs.retrieve(job.id).status != "validating_files")

    wait_for(waits_no_more, 60)
    assert jobs.retrieve(job.id).status == "queued"
    (run,) = runs_made()
    succeed(run.id)
    for call in (jobs.pause, jobs.resume, jobs.cancel):
        refusal(lambda call=call: call(job.id), bad("fine_tuning_job_id", "wrong_status"))  # type: ignore[misc]
    assert jobs.retrieve(job.id).status == "succeeded"
    pages_have_limits_and_end_where_the_next_begins(client, job.id, run.id)


def pages_have_limits_and_end_where_the_next_begins(client: OpenAI, job_id: str, run_id: str) -> None:
    jobs = client.fine_tuning.jobs
    for step in (2, 4, 6):
        finished_checkpoint(runs.look_up(run_id), step)
    whole = [event.id for event in jobs.list_events(job_id, limit=100)]
    assert len(whole) == len(set(whole)) > 3
    assert [event.id for event in jobs.list_events(job_id, limit=1)] == whole  # the client turns the pages
    second = jobs.list_events(job_id, after=whole[0], limit=2)
    assert ([event.id for event in second.data], second.has_more) == (whole[1:3], True)
    assert jobs.list_events(job_id, after=whole[-1]).data == []
    page = jobs.checkpoints.list(job_id, limit=2)
    assert ([entry.step_number for entry in page.data], page.has_more) == ([6, 4], True)
    assert [entry.step_number for entry in jobs.checkpoints.list(job_id, limit=1)] == [6, 4, 2]
    for listed in (jobs.list_events, jobs.checkpoints.list):
        refusal(lambda listed=listed: listed(job_id, after="none"), bad("after"))  # type: ignore[misc]
        for limit in (0, -1, 1001):
            refusal(lambda listed=listed, limit=limit: listed(job_id, limit=limit), bad("limit"))  # type: ignore[misc]
    refusal(lambda: jobs.list(after="ftjob-none"), bad("after"))
    refusal(lambda: client.files.list(limit=10_001), bad("limit"))
