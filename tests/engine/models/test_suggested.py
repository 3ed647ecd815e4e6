"""Suggested models: what is said of them is true, and names while one types come from here first, then from a hub."""

import time
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoModelForCausalLM

from engine.models import hub, suggested
from engine.process import work
from engine.recipes import presets
from storage import db
from storage import work as stored_work
from storage.statuses import ModelStatus, WorkStatus
from storage.tables import Model
from tests.engine.models.hub_server import hub_of
from tests.waiting import wait_for
from tests.workers.tokens.test_templates import shipped
from tests.workers.trainers.families import FAMILIES, LEFT_TO_TRL

# What their config.json has on the hub: width, middle width, layers, heads, key heads, vocabulary, what else counts.
PUBLISHED: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "HuggingFaceTB/SmolLM2-135M-Instruct": ((576, 1536, 30, 9, 3, 49152), {"tie_word_embeddings": True}),
    "HuggingFaceTB/SmolLM2-360M-Instruct": ((960, 2560, 32, 15, 5, 49152), {"tie_word_embeddings": True}),
    "HuggingFaceTB/SmolLM2-1.7B-Instruct": ((2048, 8192, 24, 32, 32, 49152), {"tie_word_embeddings": True}),
    "Qwen/Qwen2.5-0.5B-Instruct": ((896, 4864, 24, 14, 2, 151936), {"tie_word_embeddings": True}),
    "Qwen/Qwen2.5-1.5B-Instruct": ((1536, 8960, 28, 12, 2, 151936), {"tie_word_embeddings": True}),
    "Qwen/Qwen2.5-Coder-1.5B-Instruct": ((1536, 8960, 28, 12, 2, 151936), {"tie_word_embeddings": True}),
    "Qwen/Qwen3-0.6B": ((1024, 3072, 28, 16, 8, 151936), {"tie_word_embeddings": True, "head_dim": 128}),
    "Qwen/Qwen3-4B-Instruct-2507": ((2560, 9728, 36, 32, 8, 151936), {"tie_word_embeddings": True, "head_dim": 128}),
    "meta-llama/Llama-3.2-1B-Instruct": ((2048, 8192, 16, 32, 8, 128256), {"tie_word_embeddings": True}),
    "google/gemma-2-2b-it": ((2304, 9216, 26, 8, 4, 256000), {"head_dim": 256}),
    "microsoft/Phi-3.5-mini-instruct": ((3072, 8192, 32, 32, 32, 32064), {"pad_token_id": 32000}),
    "mistralai/Mistral-7B-Instruct-v0.3": ((4096, 14336, 32, 32, 8, 32768), {}),
}
SHAPE = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
         "vocab_size")  # fmt: skip
# The chat format of each family among those that tests of the token views, the templates and the exports write.
FORMATS = {"Qwen": ("qwen2_5", "qwen3", "qwen3_instruct_2507"), "Llama": ("llama3_2",), "Gemma": ("gemma",),
           "Phi": ("phi3_5",), "SmolLM2": ("chatml",)}  # fmt: skip


@pytest.fixture(autouse=True)
def heard() -> None:
    suggested.forget_silence()


def test_the_parameters_are_those_of_the_published_configurations() -> None:
    assert set(PUBLISHED) == {one.id for one in suggested.SUGGESTED}
    for one in suggested.SUGGESTED:
        values, more = PUBLISHED[one.id]
        config = transformers.AutoConfig.for_model(one.model_type, **dict(zip(SHAPE, values, strict=True)), **more)
        config.num_hidden_layers, layers = 1, config.num_hidden_layers
        if getattr(config, "layer_types", None):
            config.layer_types = config.layer_types[:1]
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
        of_layer = sum(weight.numel() for name, weight in model.named_parameters() if ".layers.0." in name)
        whole = sum(weight.numel() for weight in model.parameters()) + (layers - 1) * of_layer
        assert whole == one.parameters, one.id


def test_each_is_of_an_architecture_a_preset_and_a_chat_format_that_have_tests() -> None:
    architectures = {config.model_type for config in (*FAMILIES.values(), *LEFT_TO_TRL.values())}
    families = {preset.shown for preset in presets.all_presets() if preset.meant.is_family()}
    templates = shipped()
    for one in suggested.SUGGESTED:
        assert one.model_type in architectures, one.id
        assert one.family in families, one.id
        assert all(name in templates for name in FORMATS.get(one.family, ())), one.id


def add(source_id: str) -> Model:
    model = Model(source="hub", source_id=source_id, name=source_id, status=ModelStatus.READY)
    with db.session() as session:
        session.add(model)
    return model


def test_models_that_are_here_come_first_and_are_not_suggested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    add("Qwen/Qwen3-0.6B")
    names = suggested.names("qwen3")
    assert [model.name for model in names.here] == ["Qwen/Qwen3-0.6B"]
    assert [one.id for one in names.suggested] == ["Qwen/Qwen3-4B-Instruct-2507"]
    assert (list(names.hub), names.more) == ([], False)
    with db.reading() as session:
        assert not stored_work.any_moving(session, hub.SEARCH)  # offline nobody is asked


def test_the_hub_is_asked_once_and_its_names_come_when_it_has_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hub" / "org" / "tiny-qwen").mkdir(parents=True)
    with hub_of(tmp_path / "hub", tmp_path / "log", monkeypatch):
        assert suggested.names("ti").more is False  # two letters name half of a hub
        assert suggested.names("tiny-qwen").more is True
        wait_for(lambda: not _ticked("tiny-qwen").more)
        assert [entry["id"] for entry in suggested.names("tiny-qwen").hub] == ["org/tiny-qwen"]


def _ticked(text: str) -> suggested.Names:
    work.tick()
    return suggested.names(text)


def test_a_hub_that_did_not_answer_is_left_in_peace() -> None:
    asked = hub.search_for("llama")
    failed = work.enqueue(asked.kind, asked.subject, asked.spec)
    with db.session() as session:
        row = session.merge(failed)
        row.status, row.ended_at = WorkStatus.FAILED, time.time()
    for text in ("llama", "llama 3"):
        assert suggested.names(text).more is False
    with db.reading() as session:
        assert not stored_work.any_moving(session, hub.SEARCH)
    assert [one.family for one in suggested.names("llama").suggested] == ["Llama"]
