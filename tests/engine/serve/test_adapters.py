"""Adapters added to an endpoint and removed while it answers, with a small server that has vLLM's routes."""

import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConflictError, NotFoundError, RefusedError, TunesmithError
from engine.process import plan, process
from engine.runs import runs
from engine.serve import adapter_folders, adapter_loads, adapter_socket, adapters, endpoints, probe, routing
from engine.serve.routing import NotReadyError
from storage import db, home, served_adapters
from storage import endpoints as stored_endpoints
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint, Run, ServedAdapter
from tests.serving import (
    active,
    bring_up,
    end_all,
    finished_checkpoint,
    finished_run,
    ready_model,
    until,
    write_adapter,
)
from tests.waiting import wait_for


@pytest.fixture(autouse=True)
def fake_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    monkeypatch.setattr(adapter_loads, "SETTLE_SECONDS", 0)
    yield
    end_all()


def ask(model: str, text: str = "hello") -> str:
    upstream = routing.upstream(model)
    body = {"model": upstream.model, "messages": [{"role": "user", "content": text}]}
    with probe.open_client(upstream.address, timeout=60) as client:
        answer = client.post("chat/completions", json=body).json()
    return str(answer["choices"][0]["message"]["content"]).partition(" says")[0]


def answering(base: Any = None, *served: str) -> tuple[Endpoint, Any]:
    """A running endpoint `jokes`, and its base model."""
    model = base or ready_model()
    endpoint = endpoints.create_endpoint("jokes", model_id=model.id, adapters=served)
    bring_up(endpoint)
    return endpoint, model


def rows(endpoint: Endpoint) -> list[ServedAdapter]:
    with db.reading() as session:
        return list(served_adapters.of(session, [active(endpoint).id]))


def in_server(endpoint: Endpoint) -> set[str]:
    """The adapters that the server itself lists."""
    with probe.open_client(str(active(endpoint).address)) as client:
        listed = {entry["id"] for entry in client.get("models").json()["data"]}
    return {name for name in listed if name.startswith("adapter-")}


def settled(endpoint: Endpoint, count: int) -> bool:
    adapter_loads.tick()
    return len(rows(endpoint)) == count and len(in_server(endpoint)) == count


def names(endpoint: Endpoint) -> list[str]:
    return list(endpoints.describe(endpoints.look_up(endpoint.id))["models"])


def test_an_adapter_is_added_to_a_base_that_answers_and_its_names_memory_and_load_time_are_told() -> None:
    endpoint, model = answering()
    run = finished_run(model)
    facts = adapters.add(endpoint.id, run.id)
    assert (facts["names"], facts["status"], facts["rank"]) == ([f"jokes:{run.id}"], "loaded", 4)
    assert facts["size_bytes"] == 2 * 4 * 64 * 2  # two matrices in bfloat16
    assert 0 < facts["load_seconds"] < 5
    assert (ask("jokes"), ask("jokes:base"), ask(f"jokes:{run.id}")) == ("base", "base", run.id)
    assert names(endpoint) == ["jokes", "jokes:base", f"jokes:{run.id}"]
    assert [entry["id"] for entry in endpoints.served_models()] == names(endpoint)
    assert endpoints.describe(endpoint)["served_adapters"] == [facts] == adapters.listed(endpoint.id)


def test_each_kept_checkpoint_and_the_result_of_a_run_answer_side_by_side() -> None:
    model = ready_model()
    run = finished_run(model)
    for step in (30, 60):
        finished_checkpoint(run, step)
    endpoint, _ = answering(model, run.id, f"early={run.id}@30")
    adapters.add(endpoint.id, run.id, 60, "late")
    assert ask("jokes") == ask(f"jokes:{run.id}") == run.id
    assert ask(f"jokes:{run.id}@30") == ask("jokes:early") == f"{run.id}@30"
    assert ask("jokes:late") == f"{run.id}@60"
    with pytest.raises(NotFoundError, match="no whole checkpoint at step 90") as caught:
        adapters.add(endpoint.id, run.id, 90)
    assert f"run:{run.id}@60" in caught.value.hint
    with pytest.raises(ConflictError, match="serves the run"):
        runs.delete_run(run.id)


def test_an_adapter_with_several_names_is_loaded_once() -> None:
    model = ready_model()
    run = finished_run(model)
    endpoint, _ = answering(model, run.id)
    adapters.add(endpoint.id, run.id, name="prod")
    adapters.add(endpoint.id, run.id, name="jokes:canary")
    assert len(in_server(endpoint)) == 1
    assert ask("jokes") == ask("jokes:prod") == ask("jokes:canary") == run.id
    adapters.remove(endpoint.id, "prod")
    assert "jokes:prod" not in names(endpoint)
    assert ask("jokes:canary") == run.id


def test_a_name_passes_to_another_adapter_while_answers_are_written_and_none_fails_or_mixes() -> None:
    model = ready_model()
    first, second = finished_run(model), finished_run(model)
    endpoint, _ = answering(model)
    adapters.add(endpoint.id, first.id, name="prod")
    old = rows(endpoint)[0]
    upstream = routing.upstream("jokes:prod")
    body = {"model": upstream.model, "prompt": "slow " * 12, "stream": True}
    with (
        probe.open_client(upstream.address, timeout=60) as client,
        client.stream("POST", "completions", json=body) as stream,
    ):
        lines = stream.iter_lines()
        begun = [next(lines)]
        adapters.add(endpoint.id, second.id, name="prod")
        assert ask("jokes:prod") == second.id
        adapter_loads.tick()
        adapter_loads.tick()
        assert in_server(endpoint) == {row.internal_name for row in rows(endpoint)}
        assert len(rows(endpoint)) == 2  # the old one still writes
        text = "".join([*begun, *lines])
    assert text.count("slow") == 12
    assert f"{first.id} says" in text
    assert "data: [DONE]" in text
    wait_for(lambda: settled(endpoint, 1))
    assert not adapter_folders.copy_of(old).exists()
    with pytest.raises(NotFoundError):
        routing.upstream(f"jokes:{first.id}")


def test_the_endpoints_own_name_passes_on_too_and_falls_to_the_base_with_the_last() -> None:
    model = ready_model()
    first, second = finished_run(model), finished_run(model)
    endpoint, _ = answering(model, first.id)
    adapters.add(endpoint.id, second.id, name="jokes")
    assert ask("jokes") == second.id
    wait_for(lambda: settled(endpoint, 1))
    adapters.remove(endpoint.id, second.id)
    assert ask("jokes") == "base"
    assert names(endpoint) == ["jokes", "jokes:base"]
    wait_for(lambda: settled(endpoint, 0))
    with pytest.raises(NotFoundError, match="no adapter"):
        adapters.remove(endpoint.id, second.id)


def test_weights_that_changed_under_the_same_run_are_loaded_anew_and_the_same_ones_are_not() -> None:
    model = ready_model()
    run = finished_run(model)
    endpoint, _ = answering(model, run.id)
    before = rows(endpoint)[0]
    adapters.add(endpoint.id, run.id)
    assert [row.id for row in rows(endpoint)] == [before.id]
    write_adapter(home.run_folder(run.id) / "adapter", "trained again")
    adapters.add(endpoint.id, run.id)
    assert ask("jokes") == "trained again"
    wait_for(lambda: settled(endpoint, 1))
    assert rows(endpoint)[0].internal_name != before.internal_name


def kill(endpoint: Endpoint) -> Backend:
    backend = active(endpoint)
    os.kill(json.loads((home.backend_folder(backend.id) / "shim.json").read_text())["worker"], signal.SIGKILL)
    until(backend.id, EndpointStatus.QUEUED)
    return until(backend.id, EndpointStatus.READY)


def test_after_a_crash_every_adapter_is_loaded_again_before_it_is_ready_as_it_was_checked() -> None:
    model = ready_model()
    first, second = finished_run(model), finished_run(model)
    endpoint, _ = answering(model, first.id)
    adapters.add(endpoint.id, second.id, name="prod")
    before = in_server(endpoint)
    write_adapter(home.run_folder(first.id) / "adapter", "somebody else's")
    shutil.rmtree(home.run_folder(second.id))
    kill(endpoint)
    assert (ask("jokes"), ask("jokes:prod")) == (first.id, second.id)
    assert not in_server(endpoint) & before  # a name is never used twice
    assert len(in_server(endpoint)) == 2


def test_an_adapter_that_cannot_be_loaded_after_a_crash_is_said_and_the_others_answer() -> None:
    model = ready_model()
    first, second = finished_run(model), finished_run(model)
    endpoint, _ = answering(model, first.id, second.id)
    row = next(row for row in rows(endpoint) if row.subject == second.id)
    (adapter_folders.copy_of(row) / "adapter_model.safetensors").write_bytes(b"damaged")
    kill(endpoint)
    assert ask("jokes") == first.id
    with pytest.raises(NotReadyError, match="was changed") as caught:
        routing.upstream(f"jokes:{second.id}")
    assert caught.value.retry_after is None
    listed = {facts["subject"]: facts["status"] for facts in adapters.listed(endpoint.id)}
    assert listed == {first.id: "loaded", second.id: "failed"}
    adapters.add(endpoint.id, second.id)
    assert ask(f"jokes:{second.id}") == second.id
    wait_for(lambda: settled(endpoint, 2))


def test_what_was_added_hot_is_served_again_after_a_stop_and_the_copies_are_gone_meanwhile() -> None:
    endpoint, model = answering()
    run = finished_run(model)
    adapters.add(endpoint.id, run.id, name="prod")
    backend, copy = active(endpoint), adapter_folders.copy_of(rows(endpoint)[0])
    endpoints.stop_endpoint(endpoint.id)
    until(backend.id, EndpointStatus.STOPPED)
    adapter_loads.tick()
    assert not copy.exists()
    assert rows(endpoint) == []
    assert [facts["status"] for facts in adapters.listed(endpoint.id)] == ["waiting"]
    endpoints.start_endpoint(endpoint.id)
    bring_up(endpoint)
    assert (ask("jokes"), ask("jokes:prod")) == ("base", run.id)


def test_a_deployment_whose_adapter_cannot_be_loaded_leaves_the_old_one_answering() -> None:
    model = ready_model()
    first, second = finished_run(model), finished_run(model)
    endpoint, _ = answering(model, first.id)
    write_adapter(home.run_folder(second.id) / "adapter", "broken")
    green = endpoints.deploy(endpoint.id, adapters=[second.id])
    failed = until(green.id, EndpointStatus.FAILED)
    assert "This adapter is broken." in str(failed.error)
    assert not process.alive(home.backend_folder(green.id))
    assert ask("jokes") == first.id


def damaged(folder: Path) -> None:
    file = folder / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-8])


def replaced_header(folder: Path) -> None:
    (folder / "adapter_model.safetensors").write_bytes((1 << 60).to_bytes(8, "little") + b"{}")


def without_kind(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("{}")


def linked_away(folder: Path) -> None:
    (folder / "adapter_model.safetensors").unlink()
    (folder / "adapter_model.safetensors").symlink_to("/etc/passwd")


def prompts(folder: Path) -> None:
    write_adapter(folder, "x", peft_type="PROMPT_TUNING")


def taken_from_the_base(folder: Path) -> None:
    write_adapter(folder, "x", init_lora_weights="pissa")


def broken_in_the_server(folder: Path) -> None:
    write_adapter(folder, "broken")


HARMS = {
    damaged: "is damaged. `adapter_model.safetensors` is not a complete safetensors file",
    replaced_header: "is damaged",
    without_kind: "adapter_config.json does not say what it is",
    linked_away: "leads out of the model's folder",
    prompts: "was trained as tokens before every row",
    taken_from_the_base: "would change its base while others use it",
    broken_in_the_server: "The server cannot load it: This adapter is broken.",
}


def test_a_bad_adapter_is_refused_and_nothing_of_it_is_left() -> None:
    model = ready_model()
    good = finished_run(model)
    endpoint, _ = answering(model, good.id)
    for harm, words in HARMS.items():
        bad = finished_run(model)
        harm(home.run_folder(bad.id) / "adapter")
        with pytest.raises(RefusedError) as caught:
            adapters.add(endpoint.id, bad.id, name="jokes")
        assert words in str(caught.value)
        assert ask("jokes") == good.id
        assert [row.subject for row in rows(endpoint)] == [good.id]
        assert len(list((home.backend_folder(active(endpoint).id) / "adapters").iterdir())) == 1
        assert len(in_server(endpoint)) == 1


def test_a_checkpoint_that_was_damaged_after_it_was_saved_is_refused() -> None:
    endpoint, model = answering()
    run = finished_run(model)
    file = finished_checkpoint(run, 30) / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(RefusedError, match="not what was saved there"):
        adapters.add(endpoint.id, run.id, 30)


def test_an_adapter_of_another_base_is_refused_by_name() -> None:
    endpoint, model = answering()
    other = finished_run(ready_model(name="other"), name="Foreign")
    with pytest.raises(RefusedError) as caught:
        adapters.add(endpoint.id, other.id)
    text = "Run `Foreign` was trained on `other`, and endpoint `jokes` serves `tiny`."
    assert str(caught.value) == f"{text} An endpoint has one base. Start another endpoint for this run."
    whole = finished_run(model, artifact="model")
    with pytest.raises(RefusedError, match="whole model and no adapter"):
        adapters.add(endpoint.id, whole.id)
    with db.session() as session:
        session.get_one(Run, other.id).recipe = {"method": "reward"}
    with pytest.raises(RefusedError, match="scores answers"):
        adapters.add(endpoint.id, other.id)


def test_an_adapter_whose_layers_have_other_sizes_than_the_bases_is_refused() -> None:
    model = ready_model()
    write_adapter(Path(str(model.path)), "x")
    header = {"model.layers.0.self_attn.q_proj.weight": {"dtype": "F32", "shape": [32, 32], "data_offsets": [0, 4096]}}
    text = json.dumps(header).encode()
    (Path(str(model.path)) / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(4096))
    endpoint, _ = answering(model)
    with pytest.raises(RefusedError, match="q_proj has 32 inputs in the base and 64 in the adapter"):
        adapters.add(endpoint.id, finished_run(model).id)


def test_a_name_that_cannot_be_one_is_refused_before_anything_is_loaded() -> None:
    endpoint, model = answering()
    run, other = finished_run(model), finished_run(model)
    for name, words in {"Prod": "cannot be the name", "base": "always is", "a/b": "cannot be", other.id: "run"}.items():
        with pytest.raises(RefusedError) as caught:
            adapters.add(endpoint.id, run.id, name=name)
        assert words in str(caught.value)
    assert in_server(endpoint) == set()


def test_adapters_are_added_only_while_the_endpoint_answers_and_no_new_version_starts() -> None:
    model = ready_model()
    run = finished_run(model)
    endpoint = endpoints.create_endpoint("jokes", model_id=model.id)
    with pytest.raises(ConflictError, match="is queued"):
        adapters.add(endpoint.id, run.id)
    bring_up(endpoint)
    endpoints.deploy(endpoint.id, model_id=model.id)
    with pytest.raises(ConflictError, match="new version"):
        adapters.add(endpoint.id, run.id)
    with pytest.raises(NotFoundError):
        adapters.add("nothing", run.id)
    until(endpoints.deploy(endpoint.id, model_id=model.id).id, EndpointStatus.READY)
    with pytest.raises(NotFoundError, match="no run"):
        adapters.add(endpoint.id, "nothing")


def test_of_two_that_want_the_same_name_at_once_one_gets_it_and_the_other_is_told() -> None:
    endpoint, model = answering()
    slow, quick = finished_run(model), finished_run(model)
    write_adapter(home.run_folder(slow.id) / "adapter", "slow one")
    errors: list[TunesmithError] = []

    def add_slowly() -> None:
        try:
            adapters.add(endpoint.id, slow.id, name="prod")
        except TunesmithError as error:
            errors.append(error)

    thread = threading.Thread(target=add_slowly)
    thread.start()
    wait_for(lambda: rows(endpoint))
    adapters.add(endpoint.id, quick.id, name="prod")
    thread.join()
    assert [type(error) for error in errors] == [ConflictError]
    assert ask("jokes:prod") == quick.id
    assert len(in_server(endpoint)) == len(rows(endpoint)) == 1


def test_a_server_that_is_killed_while_it_loads_leaves_nothing_behind() -> None:
    endpoint, model = answering()
    run = finished_run(model)
    write_adapter(home.run_folder(run.id) / "adapter", "slow one")
    errors: list[TunesmithError] = []

    def add() -> None:
        try:
            adapters.add(endpoint.id, run.id)
        except TunesmithError as error:
            errors.append(error)

    thread = threading.Thread(target=add)
    thread.start()
    wait_for(lambda: rows(endpoint))
    kill(endpoint)
    thread.join()
    assert [type(error) for error in errors] == [adapter_socket.ServerGoneError]
    assert rows(endpoint) == []
    assert ask("jokes") == "base"


def test_a_load_whose_studio_was_killed_is_cleared_away(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint, model = answering()
    backend = active(endpoint)
    row = ServedAdapter(backend_id=backend.id, subject="r1", internal_name="adapter-x", attempt=backend.attempt)
    with db.session() as session:
        session.add(row)
    adapter_loads.tick()
    assert len(rows(endpoint)) == 1
    monkeypatch.setattr(adapter_loads, "STUCK_SECONDS", 0)
    wait_for(lambda: settled(endpoint, 0))
    assert model is not None


def test_a_backend_of_the_version_before_goes_on_under_the_names_its_server_knows() -> None:
    endpoint, _ = answering()
    with db.session() as session:
        row = stored_endpoints.backend(session, active(endpoint).id)
        assert row is not None
        row.adapters, row.served_names = ["r1"], ["jokes", "jokes:base", "jokes:r1"]
    routing.forget()
    assert routing.upstream("jokes:r1").model == "jokes:r1"
    assert routing.upstream("jokes").model == "jokes"
    with pytest.raises(RefusedError, match="stays until it ends"):
        adapters.remove(endpoint.id, "r1")


def test_vllms_own_numbers_say_who_is_answering() -> None:
    lines = [
        'vllm:num_requests_running{engine="0"} 1.0',
        'vllm:lora_requests_info{max_lora="2",running_lora_adapters="a,b",waiting_lora_adapters="c"} 1.7e+09',
        'vllm:lora_requests_info{max_lora="2",running_lora_adapters="b",waiting_lora_adapters=""} 1.8e+09',
    ]
    assert adapter_socket.busy_names("\n".join(lines)) == {"b"}
    assert adapter_socket.busy_names("\n".join(["vllm:num_requests_running{} 0.0", *lines[1:]])) == set()
    assert adapter_socket.busy_names("") is None
