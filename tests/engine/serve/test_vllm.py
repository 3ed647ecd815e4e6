"""vLLM is not installed here: what is checked is the command that would run, and the words when it cannot."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RefusedError
from engine.serve import adapter_files, endpoints, probe
from engine.serve.backend_plan import names, plan_backend, socket_path
from storage import db, home
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint
from tests.serving import active, end_all, finished_run, ready_model, until, write_adapter

FAKE = """#!/bin/sh
echo "$@" > "$(dirname "$0")/argv"
exit 3
"""


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Python that has vLLM, as far as the studio can see; it only writes down how it was called."""
    path = tmp_path / "python"
    path.write_text(FAKE)
    path.chmod(0o700)
    monkeypatch.setenv("TUNESMITH_VLLM_PYTHON", str(path))
    return path


def plan_for(**values: Any) -> list[str]:
    backend = Backend(endpoint_id="e", kind="vllm", **values)
    endpoint = Endpoint(id="e", project_id="default", name="jokes")
    return plan_backend(endpoint, backend, "gpu:1").argv


def test_adapters_are_served_beside_the_base_on_a_private_socket(python: Path) -> None:
    model = ready_model()
    run = finished_run(model)
    backend = Backend(endpoint_id="e", kind="vllm", model_id=model.id, adapters=[run.id], options={"max_num_seqs": 8})
    plan = plan_backend(Endpoint(id="e", project_id="default", name="jokes"), backend, "gpu:1")
    line = plan.shell_line()
    assert plan.argv[:3] == [str(python), "-m", "vllm.entrypoints.openai.api_server"]
    assert f"--uds {socket_path(backend.id)} --served-model-name jokes jokes:base" in line
    assert "--enable-lora --max-lora-rank 64 --max-loras 2 " in line
    assert "--lora-modules" not in line  # adapters come over the socket
    assert plan.env["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "True"
    assert line.endswith("--max-num-seqs 8")
    assert "key" not in line.lower()
    assert plan.env["CUDA_VISIBLE_DEVICES"] == "1"


def test_a_base_alone_answers_to_both_names_and_a_fully_tuned_model_takes_its_place(python: Path) -> None:
    model = ready_model()
    argv = plan_for(model_id=model.id, options={"enforce_eager": True})
    assert argv[argv.index("--served-model-name") + 1 :][:2] == ["jokes", "jokes:base"]
    assert argv[-1] == "--enforce-eager"
    assert "--enable-lora" not in argv
    whole = finished_run(model, artifact="model")
    argv = plan_for(model_id=model.id, adapters=[whole.id])
    assert argv[argv.index("--model") + 1] == str(home.run_folder(whole.id) / "model")
    assert argv[argv.index("--served-model-name") + 1 :][:2] == ["jokes", f"jokes:{whole.id}"]
    with pytest.raises(RefusedError, match="alone"):
        plan_for(model_id=model.id, adapters=[whole.id, finished_run(model).id])


def test_a_base_that_stops_elsewhere_than_its_template_is_told_where_answers_end(python: Path) -> None:
    model = ready_model()
    own = {"eos_token_id": 0, "temperature": 0.7}
    (Path(str(model.path)) / "generation_config.json").write_text(json.dumps(own))
    assert "--generation-config" not in plan_for(model_id=model.id)
    with db.session() as session:
        session.merge(model).token_facts = {"turn_end": "<|im_end|>", "eos": ["<|endoftext|>"], "eos_ids": [2, 0]}
    backend = Backend(endpoint_id="e", kind="vllm", model_id=model.id)
    plan = plan_backend(Endpoint(id="e", project_id="default", name="jokes"), backend, "gpu:0")
    folder = Path(plan.argv[plan.argv.index("--generation-config") + 1])
    assert json.loads(plan.files[folder / "generation_config.json"]) == own | {"eos_token_id": [2, 0]}
    assert folder.parent == home.backend_folder(backend.id)


def test_where_answers_of_an_adapter_end_is_told_as_its_training_saved_it(python: Path) -> None:
    model = ready_model()
    run = finished_run(model)
    adapter = home.run_folder(run.id) / "adapter"
    (Path(str(model.path)) / "config.json").write_text(json.dumps({"eos_token_id": 0}))
    (adapter / "generation_config.json").write_text(json.dumps({"eos_token_id": [2, 0]}))
    (adapter / "chat_template.jinja").write_text("{{ messages }}")
    backend = Backend(endpoint_id="e", kind="vllm", model_id=model.id, adapters=[run.id])
    plan = plan_backend(Endpoint(id="e", project_id="default", name="jokes"), backend, "gpu:0")
    assert [json.loads(text) for text in plan.files.values()] == [{"eos_token_id": [2, 0]}]
    # The base has no template, so the adapter was trained with the plain one that it brings.
    assert plan.argv[plan.argv.index("--chat-template") + 1] == str(adapter / "chat_template.jinja")
    (Path(str(model.path)) / "chat_template.jinja").write_text("{{ messages }}")
    assert "--chat-template" not in plan_for(model_id=model.id, adapters=[run.id])
    whole = finished_run(model, artifact="model")
    assert "--generation-config" not in plan_for(model_id=model.id, adapters=[whole.id])  # it has its own


def test_an_adapter_with_embeddings_of_its_own_is_refused(python: Path) -> None:
    model = ready_model()
    run = finished_run(model)
    write_adapter(home.run_folder(run.id) / "adapter", "x", trainable_token_indices={"embed_tokens": [320]})
    with pytest.raises(RefusedError, match="embeddings for new tokens, which vLLM cannot load") as caught:
        plan_for(model_id=model.id, adapters=[run.id])
    assert "backend transformers" in caught.value.hint


def test_without_vllm_the_way_to_install_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ready_model()
    with pytest.raises(RefusedError, match="vLLM is not installed") as caught:
        endpoints.create_endpoint("jokes", "vllm", model.id)
    assert "TUNESMITH_VLLM_PYTHON" in caught.value.hint
    monkeypatch.setenv("TUNESMITH_VLLM_PYTHON", "/nowhere/python")
    with pytest.raises(RefusedError, match="/nowhere/python, which does not exist"):
        endpoints.create_endpoint("jokes", "vllm", model.id)


def test_unknown_options_are_refused(python: Path) -> None:
    with pytest.raises(RefusedError, match="max_speed"):
        endpoints.create_endpoint("jokes", "vllm", ready_model().id, options={"max_speed": 1})
    with pytest.raises(RefusedError, match="quantization"):
        endpoints.create_endpoint("jokes", "vllm", ready_model().id, options={"quantization": "--host 0.0.0.0"})


def test_a_vllm_that_ends_is_started_again_by_the_same_command(python: Path) -> None:
    endpoint = endpoints.create_endpoint("jokes", "vllm", ready_model().id)
    backend = until(active(endpoint).id, EndpointStatus.STARTING)
    again = until(backend.id, EndpointStatus.QUEUED)
    assert again.restarts == 1
    assert "ended unexpectedly" in str(again.error)
    assert "--served-model-name jokes jokes:base" in (python.parent / "argv").read_text()
    end_all()


def test_vllms_own_numbers_say_what_is_in_flight() -> None:
    metrics = '# HELP x\nvllm:num_requests_running{model="m"} 2.0\nvllm:num_requests_waiting{model="m"} 1.0\n'
    assert probe._vllm_requests(metrics) == 3


def test_a_server_that_says_nothing_has_no_number(tmp_path: Path) -> None:
    assert probe.in_flight("http://127.0.0.1:9") is None
    assert probe.in_flight(f"unix:{tmp_path}/none") is None
    (tmp_path / "dead").touch()
    assert probe.in_flight(f"unix:{tmp_path}/dead") is None


def test_what_vllm_cannot_load_is_refused_before_it_is_asked(tmp_path: Path) -> None:
    write_adapter(tmp_path, "x", rank=16)
    adapter = adapter_files.inspect(tmp_path, "r1")
    adapter_files.refuse_for_vllm(adapter, "r1", ["--enable-lora", "--max-lora-rank", "16"])
    with pytest.raises(RefusedError, match="`r1` has rank 16; this endpoint takes up to 8"):
        adapter_files.refuse_for_vllm(adapter, "r1", ["--enable-lora", "--max-lora-rank", "8"])
    with pytest.raises(RefusedError, match="without room for adapters"):
        adapter_files.refuse_for_vllm(adapter, "r1", ["--max-model-len", "8"])
    wrong: dict[str, dict[str, Any]] = {"DoRA": {"use_dora": True}, "IA3": {"peft_type": "IA3"}}
    wrong["embeddings"] = {"modules_to_save": ["lm_head"]}
    for words, config in wrong.items():
        write_adapter(tmp_path, "x", **config)
        with pytest.raises(RefusedError, match=words):
            adapter_files.refuse_for_vllm(adapter_files.inspect(tmp_path, "r1"), "r1")


def test_a_fully_tuned_model_on_vllm_has_only_the_names_that_its_server_lists(python: Path) -> None:
    model = ready_model()
    whole = finished_run(model, artifact="model")
    backend = Backend(endpoint_id="e", kind="vllm", model_id=model.id, adapters=[f"prod={whole.id}"])
    endpoint = Endpoint(id="e", project_id="default", name="jokes")
    argv = plan_backend(endpoint, backend, "cpu").argv
    listed = argv[argv.index("--served-model-name") + 1 :][:3]
    assert listed == names(endpoint, backend) == ["jokes", f"jokes:{whole.id}", "jokes:prod"]
