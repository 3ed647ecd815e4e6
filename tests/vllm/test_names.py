"""What the studio believes of vLLM's names, held against the help of the real one."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import get_args

import pytest

from engine.serve.vllm import command, extra_options, values
from engine.serve.vllm.options import VllmOptions

OURS = ("kv_cache_gib", "extra_args")  # not vLLM's
ALWAYS = (
    "--uds", "--served-model-name", "--shutdown-timeout", "--disable-fastapi-docs", "--disable-uvicorn-access-log",
    "--load-format", "--kv-cache-memory-bytes", "--max-cpu-loras", "--lora-modules", "--enable-auto-tool-choice",
    "--chat-template", "--generation-config", "--no-enable-prefix-caching", "--no-enable-chunked-prefill",
)  # fmt: skip
ASK = """
import json
from typing import get_args
from vllm.config.lora import MaxLoRARanks
from vllm.config.speculative import SpeculativeMethod
from vllm.model_executor.layers.quantization import QUANTIZATION_METHODS
from vllm.reasoning import _REASONING_PARSERS_TO_REGISTER
def flat(kind):
    return [name for part in get_args(kind) for name in (flat(part) if get_args(part) else [part])]
print("FACTS" + json.dumps({
    "ranks": get_args(MaxLoRARanks), "speculative": flat(SpeculativeMethod),
    "quantization": QUANTIZATION_METHODS, "reasoning": sorted(_REASONING_PARSERS_TO_REGISTER),
}))
"""


def output(*argv: str) -> str:
    env = os.environ | {"HF_HUB_OFFLINE": "1"}
    return subprocess.run(argv, capture_output=True, text=True, env=env, cwd="/", timeout=200, check=True).stdout


@pytest.fixture(scope="module")
def help_text(vllm_python: Path) -> str:
    return output(str(vllm_python), "-m", command.SERVER, "--help=all")


def choices(help_text: str, option: str) -> set[str]:
    match = re.search(rf"^ +--{option} {{([^}}]+)}}", help_text, re.MULTILINE)
    assert match, option
    return set(match[1].split(","))


def test_every_option_that_is_given_to_vllm_is_one_of_its_own(help_text: str) -> None:
    known = set(re.findall(r"(?<![\w-])(--[a-z0-9-]+)", help_text))
    fields = {"--" + name.replace("_", "-") for name in VllmOptions.model_fields if name not in OURS}
    assert {*fields, *ALWAYS, *extra_options.ALLOWED} - known == set()


def test_the_values_that_are_offered_are_vllms(help_text: str) -> None:
    assert choices(help_text, "tool-call-parser") == set(values.TOOL_PARSERS)
    assert choices(help_text, "max-lora-rank") == {str(rank) for rank in values.LORA_RANKS}
    assert set(get_args(values.Dtype)) <= choices(help_text, "dtype")
    assert set(get_args(values.KvDtype)) <= choices(help_text, "kv-cache-dtype")
    for name, extra in extra_options.ALLOWED.items():
        if extra.choices and f"{name} {{" in help_text:
            assert set(extra.choices) <= choices(help_text, name.removeprefix("--")), name


def test_ranks_parsers_and_quantisations_are_those_of_its_code(vllm_python: Path) -> None:
    facts = json.loads(output(str(vllm_python), "-c", ASK).rpartition("FACTS")[2])
    assert tuple(facts["ranks"]) == values.LORA_RANKS
    assert set(facts["reasoning"]) == set(values.REASONING_PARSERS)
    assert {*values.GPU_QUANTIZATION, *values.CPU_QUANTIZATION} <= set(facts["quantization"])
    assert not set(values.PLUGIN_QUANTIZATION) & set(facts["quantization"])
    assert set(get_args(values.SpeculativeMethod)) <= set(facts["speculative"])
