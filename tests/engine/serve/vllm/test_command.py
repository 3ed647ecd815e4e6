"""The command that would run for vLLM, and the words when it cannot. tests/vllm runs the real one."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from engine.errors import RefusedError
from engine.process import devices, machine
from engine.serve import adapter_files, endpoints, probe
from engine.serve.backend_plan import clear, names, plan_backend, socket_path
from engine.serve.vllm import files
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
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(available=12 << 30, total=16 << 30))
    return path


class Memory(NamedTuple):
    """What psutil says of the machine."""

    available: int
    total: int


def plan_for(device: str = "gpu:1", **values: Any) -> list[str]:
    backend = Backend(endpoint_id="e", kind="vllm", **values)
    endpoint = Endpoint(id="e", project_id="default", name="jokes")
    return plan_backend(endpoint, backend, device).argv


def test_adapters_are_served_beside_the_base_on_a_private_socket(python: Path) -> None:
    model = ready_model()
    run = finished_run(model)
    backend = Backend(endpoint_id="e", kind="vllm", model_id=model.id, adapters=[run.id], options={"max_num_seqs": 8})
    plan = plan_backend(Endpoint(id="e", project_id="default", name="jokes"), backend, "gpu:1")
    line = plan.shell_line()
    assert plan.argv[:3] == [str(python), "-m", "vllm.entrypoints.openai.api_server"]
    assert f"--uds {socket_path(backend.id)} --served-model-name jokes jokes:base" in line
    assert "--enable-lora --max-lora-rank 8 --max-loras 2 --max-cpu-loras 64" in line
    assert "--lora-modules" not in line  # adapters come over the socket
    assert "--max-num-seqs 8" in line
    assert "--load-format safetensors" in line
    assert "key" not in line.lower()
    assert plan.env["CUDA_VISIBLE_DEVICES"] == "1"
    assert plan.env["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "True"


def test_its_processes_keep_the_cookie_and_its_files_are_under_the_home(python: Path) -> None:
    model = ready_model()
    backend = Backend(endpoint_id="e", kind="vllm", model_id=model.id)
    plan = plan_backend(Endpoint(id="e", project_id="default", name="jokes"), backend, "cpu")
    assert plan.env["SPT_NOENV"] == "1"  # setproctitle would overwrite the environment that the sweep looks at
    for name in ("XDG_CACHE_HOME", "VLLM_CACHE_ROOT", "VLLM_CONFIG_ROOT", "TORCHINDUCTOR_CACHE_DIR"):
        assert Path(plan.env[name]).is_relative_to(home.home()), name
    temporary = Path(plan.env["TMPDIR"])
    assert temporary.is_dir()
    assert temporary.stat().st_mode & 0o077 == 0
    (temporary / "vllm_dist_left_behind").touch()
    clear(backend.id)
    assert not temporary.exists()


def test_on_a_cpu_memory_is_bounded_and_nothing_is_compiled(python: Path) -> None:
    model = ready_model()
    argv = plan_for("cpu", model_id=model.id)
    assert "--enforce-eager" in argv
    assert argv[argv.index("--kv-cache-memory-bytes") + 1] == str(2 << 30)  # a quarter of what stays free, in halves
    argv = plan_for("cpu", model_id=model.id, options={"kv_cache_gib": 1.5})
    assert argv[argv.index("--kv-cache-memory-bytes") + 1] == str(3 << 29)
    argv = plan_for("gpu:0", model_id=model.id)
    assert not {"--enforce-eager", "--kv-cache-memory-bytes"} & set(argv)
    assert argv[argv.index("--gpu-memory-utilization") + 1] == "0.9"
    assert "--enforce-eager" not in plan_for("cpu", model_id=model.id, options={"enforce_eager": False})


def test_the_environments_own_cache_size_does_not_win(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "40")
    backend = Backend(endpoint_id="e", kind="vllm", model_id=ready_model().id, options={"kv_cache_gib": 0.5})
    plan = plan_backend(Endpoint(id="e", project_id="default", name="jokes"), backend, "cpu")
    assert plan.env["VLLM_CPU_KVCACHE_SPACE"] == "1"


def test_a_start_that_memory_does_not_allow_is_refused_before_it(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ready_model()
    with pytest.raises(RefusedError, match=r"needs about 1\.1 TB of memory for `tiny` .* is free") as caught:
        endpoints.create_endpoint("jokes", "vllm", model.id, options={"kv_cache_gib": 1000})
    assert "lower kv_cache_gib" in caught.value.hint
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(available=3 << 30, total=16 << 30))
    with pytest.raises(RefusedError, match=r"KV cache 1\.1 GB, processes 2\.6 GB\), and 3\.2 GB is free"):
        endpoints.create_endpoint("jokes", "vllm", model.id)
    assert not (python.parent / "argv").exists()


def test_memory_that_is_gone_at_the_start_fails_the_endpoint_with_the_same_words(
    python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = endpoints.create_endpoint("jokes", "vllm", ready_model().id)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(available=3 << 30, total=16 << 30))
    backend = until(active(endpoint).id, EndpointStatus.FAILED)
    assert "vLLM needs about" in str(backend.error)
    assert not (python.parent / "argv").exists()


def test_without_lscpu_nothing_is_started(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(python.parent))
    with pytest.raises(RefusedError, match="lscpu, which is not on PATH"):
        endpoints.create_endpoint("jokes", "vllm", ready_model().id)


def test_a_compiler_is_asked_for_only_where_vllm_compiles(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(python.parent))
    (python.parent / "lscpu").symlink_to("/bin/true")
    model = ready_model()
    assert "--enforce-eager" in plan_for("cpu", model_id=model.id)
    with pytest.raises(RefusedError, match="no C\\+\\+ compiler"):
        plan_for("cpu", model_id=model.id, options={"enforce_eager": False})
    (python.parent / "g++").symlink_to("/bin/true")
    plan_for("cpu", model_id=model.id, options={"enforce_eager": False})


def test_a_base_alone_answers_to_both_names_and_a_fully_tuned_model_takes_its_place(python: Path) -> None:
    model = ready_model()
    argv = plan_for(model_id=model.id, options={"enforce_eager": True})
    assert argv[argv.index("--served-model-name") + 1 :][:2] == ["jokes", "jokes:base"]
    assert "--enforce-eager" in argv
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
    written = [json.loads(text) for path, text in plan.files.items() if path.suffix == ".json"]
    assert written == [{"eos_token_id": [2, 0]}]
    # The base has no template, so the adapter was trained with the plain one that it brings.
    assert plan.argv[plan.argv.index("--chat-template") + 1] == str(adapter / "chat_template.jinja")
    (Path(str(model.path)) / "chat_template.jinja").write_text("{{ messages }}")
    assert "--chat-template" not in plan_for(model_id=model.id, adapters=[run.id])
    whole = finished_run(model, artifact="model")
    assert "--generation-config" not in plan_for(model_id=model.id, adapters=[whole.id])  # it has its own


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"trainable_token_indices": {"embed_tokens": [320]}}, "has embeddings for new tokens"),
        ({"use_dora": True}, "was trained with DoRA"),
        ({"modules_to_save": ["lm_head"]}, r"has whole modules \(modules_to_save\)"),
        ({"init_lora_weights": "pissa"}, r"begins as a part of its base \(init_lora_weights: pissa\)"),
        ({"lora_bias": True}, r"has biases of its own \(lora_bias\)"),
        ({"bias": "all"}, "has trained biases"),
        ({"peft_type": "IA3"}, "is of the kind IA3"),
    ],
)
def test_an_adapter_that_vllm_cannot_load_is_refused_before_the_start(
    python: Path, config: dict[str, Any], words: str
) -> None:
    model = ready_model()
    run = finished_run(model)
    write_adapter(home.run_folder(run.id) / "adapter", "x", **config)
    with pytest.raises(RefusedError, match=f"{words}, which vLLM cannot load") as caught:
        endpoints.create_endpoint("jokes", "vllm", adapters=[run.id])
    assert "backend transformers" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "rank"), [('{"r": 24}', "32"), ('{"r": 8, "rank_pattern": {"q_proj": 40}}', "64"), ('{"r": 512}', "512")]
)
def test_the_rank_is_read_from_the_adapters_and_rounded_up(python: Path, text: str, rank: str) -> None:
    model = ready_model()
    run = finished_run(model)
    (home.run_folder(run.id) / "adapter" / "adapter_config.json").write_text(text)
    argv = plan_for(model_id=model.id, adapters=[run.id])
    assert argv[argv.index("--max-lora-rank") + 1] == rank


@pytest.mark.parametrize(("named", "real"), [(8, 40), (40, 8)])
def test_a_rank_is_the_larger_of_what_the_config_names_and_the_matrices_have_whoever_asks(
    tmp_path: Path, named: int, real: int
) -> None:
    write_adapter(tmp_path, "x", rank=real)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps(config | {"r": named}))
    assert files.rank(tmp_path) == adapter_files.inspect(tmp_path, "x").rank == 40


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is damaged: `adapter_config.json` is not valid JSON"),
        ('{"r": "sixteen"}', "is damaged: a rank in adapter_config.json is 'sixteen'"),
        ('{"r": 600}', "An adapter has rank 600, and vLLM takes 512 at most"),
    ],
)
def test_a_damaged_adapter_or_one_of_too_high_a_rank_is_refused(python: Path, text: str, words: str) -> None:
    model = ready_model()
    run = finished_run(model)
    (home.run_folder(run.id) / "adapter" / "adapter_config.json").write_text(text)
    with pytest.raises(RefusedError) as caught:
        endpoints.create_endpoint("jokes", "vllm", adapters=[run.id])
    assert words in str(caught.value)


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


def test_options_of_an_older_home_that_are_wrong_now_fail_the_endpoint_and_nothing_else(python: Path) -> None:
    endpoint = endpoints.create_endpoint("jokes", "vllm", ready_model().id)
    with db.session() as session:
        session.merge(active(endpoint)).options = {"quantization": "no_such_method"}
    backend = until(active(endpoint).id, EndpointStatus.FAILED)
    assert "quantization" in str(backend.hint)


def test_a_vllm_that_ends_is_started_again_by_the_same_command(python: Path) -> None:
    endpoint = endpoints.create_endpoint("jokes", "vllm", ready_model().id)
    backend = until(active(endpoint).id, EndpointStatus.STARTING)
    again = until(backend.id, EndpointStatus.QUEUED)
    assert again.restarts == 1
    assert again.error == "vLLM ended unexpectedly without giving a reason."
    assert "--served-model-name jokes jokes:base" in (python.parent / "argv").read_text()
    end_all()


def test_a_model_spread_over_two_gpus_holds_both(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "inventory", devices.Inventory(lambda: ("0, GPU-a", "1, GPU-b")))
    cards = ("0, 24576, 8.9", "1, 24576, 8.9")
    monkeypatch.setattr(machine, "specifications", devices.Inventory(lambda: cards))
    model = ready_model()
    with pytest.raises(RefusedError, match="cannot start") as caught:
        endpoints.create_endpoint("jokes", "vllm", model.id, options={"tensor_parallel_size": 4})
    assert "needs 4 GPUs, and this machine has 2" in caught.value.hint
    endpoint = endpoints.create_endpoint("jokes", "vllm", model.id, options={"tensor_parallel_size": 2})
    backend = until(active(endpoint).id, EndpointStatus.STARTING)
    plan = json.loads((home.backend_folder(backend.id) / "plan.1.json").read_text())
    assert (backend.device, plan["env"]["CUDA_VISIBLE_DEVICES"]) == ("gpu:0,gpu:1", "0,1")
    assert plan["argv"][plan["argv"].index("--tensor-parallel-size") + 1] == "2"
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
    wrong["whole modules"] = {"modules_to_save": ["lm_head"]}
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
