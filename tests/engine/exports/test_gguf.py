"""GGUF before it is made: its options, what is refused with what works, what it takes. And parity in words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConflictError, RefusedError
from engine.exports import estimates, exports, gguf, hub, merging, parity
from engine.exports.gguf import GgufOptions
from engine.process import plan, work
from engine.runtimes import fitness
from engine.subjects import subject as subjects
from storage import db
from storage.statuses import WorkStatus
from storage.tables import Work
from tests.engine.exports.trained_runs import add_run
from tests.engine.weights import model_folders


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return model_folders.make(tmp_path / "base")


@pytest.fixture
def resting(monkeypatch: pytest.MonkeyPatch) -> None:
    """GGUFs begin and go on for ever; llama.cpp is not there yet, but can be had."""
    monkeypatch.setitem(plan.WORKERS, gguf.KIND, "tests.load.resting")


def test_a_type_is_known_in_small_letters_and_an_adapter_is_f16_unless_it_is_said() -> None:
    assert GgufOptions.model_validate({"type": "q4_k_m"}).type == "Q4_K_M"
    assert GgufOptions.model_validate({"type": "Q8_0"}).type == "q8_0"
    assert GgufOptions.model_validate({}).model_dump() == {"type": "q8_0", "of": "model"}
    assert GgufOptions.model_validate({"of": "adapter"}).type == "f16"


@pytest.mark.parametrize(
    ("recipe", "options", "words"),
    [
        ({}, {"type": "q7"}, "type"),
        ({}, {"type": 7}, "type"),
        ({}, {"of": "adapter", "type": "Q4_K_M"}, "adapter is not stored as Q4_K_M. Choose one of: f32, f16"),
        ({"tuning": "full"}, {"of": "adapter"}, "has no adapter. Take the whole model as GGUF"),
        ({"tuning": "prompt"}, {}, "take its adapter"),
        ({"method": "reward"}, {}, "reward model, which writes no text. Take it as adapter or merged"),
    ],
)
def test_what_has_no_form_in_gguf_is_refused_with_what_has(
    recipe: dict[str, Any], options: dict[str, Any], words: str, base: Path
) -> None:
    run = add_run(base, **recipe)
    with pytest.raises(RefusedError, match=words):
        exports.create(f"run:{run.id}", "gguf", options)
    assert exports.of_run(run.id) == []


def test_an_adapter_with_more_than_lora_is_refused_alone(base: Path) -> None:
    subject = subjects.look_up(f"run:{add_run(base).id}")
    (subject.folder / "adapter_config.json").write_text('{"peft_type": "LORA", "use_dora": true, "r": 4}')
    gguf.refuse(subject, GgufOptions())
    with pytest.raises(RefusedError, match=r"plain LoRA adapters alone, and this one has use_dora.*whole model"):
        gguf.refuse(subject, GgufOptions(of="adapter"))


def test_a_base_that_is_stored_quantised_is_refused(base: Path) -> None:
    run = add_run(base)
    model_folders.make(base, quantization_config={"quant_method": "gptq"})
    for kind in ("merged", "gguf"):
        with pytest.raises(RefusedError, match=r"stored quantised \(gptq\).*original model"):
            exports.create(f"run:{run.id}", kind)


def test_what_it_takes_is_said_before_and_kept_beside_what_it_took(base: Path, resting: None) -> None:
    run = add_run(base)
    said = exports.estimate(f"run:{run.id}", "gguf", {"type": "q8_0"})
    parameters = merging.parameters(subjects.look_up(f"run:{run.id}"))
    assert said.size_bytes == pytest.approx(parameters * 8.5 / 8 + gguf.VOCABULARY_BYTES, rel=0.05)
    assert said.disk_bytes > said.size_bytes
    assert said.download_bytes > 80_000_000
    assert any("llama.cpp is fetched first" in note for note in said.notes)
    export, making = exports.create(f"run:{run.id}", "gguf", {"type": "q8_0"})
    assert making is not None
    assert making.spec["install"]["kind"] == "llama"
    described = exports.describe(export, making)
    assert described["estimate"]["size_bytes"] == said.size_bytes
    assert described["parity"] == {"status": "running"}
    assert exports.create(f"run:{run.id}", "gguf", {"type": "Q8_0"})[0].id == export.id
    exports.delete(export.id)
    assert not work.folder(making).exists()


def test_a_runtime_that_has_to_be_built_first_is_said_with_its_minutes(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = add_run(base)
    fetched = exports.estimate(f"run:{run.id}", "gguf", {"type": "q8_0"})
    first = gguf.installation()
    assert first is not None
    monkeypatch.setattr(gguf, "installation", lambda: replace(first, build_minutes=12))
    built = exports.estimate(f"run:{run.id}", "gguf", {"type": "q8_0"})
    assert any(note.endswith("and built here, which takes about 12 min.") for note in built.notes)
    assert built.seconds == fetched.seconds + 12 * 60


def test_a_size_that_was_not_what_was_said_is_told() -> None:
    assert estimates.off({"size_bytes": 100_000_000}, 110_000_000) == []
    assert estimates.off({"size_bytes": 100_000_000}, 160_000_000) == ["It was to be 100 MB, and is 160 MB."]


def test_time_is_as_long_as_the_last_one_took_here(base: Path) -> None:
    run = add_run(base)
    before = exports.estimate(f"run:{run.id}", "merged").seconds
    done = Work(kind="export_merged", subject_id="x", key="k", spec={}, status=WorkStatus.SUCCEEDED, ended_at=1.0)
    done.result = {"seconds": 7.0, "parameters": 1_000_000}
    with db.session() as session:
        session.add(done)
    assert exports.estimate(f"run:{run.id}", "merged").seconds == pytest.approx(7.0)
    assert before > 7.0


def test_a_machine_that_cannot_run_llama_cpp_says_so_before_anything_begins(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RefusedError("llama.cpp cannot run on this machine. It has glibc 2.31.", "Export the merged model.")

    monkeypatch.setattr(fitness, "choose", refuse)
    run = add_run(base)
    with pytest.raises(RefusedError, match=r"cannot run on this machine.*Export the merged model"):
        exports.create(f"run:{run.id}", "gguf")
    assert exports.of_run(run.id) == []


def test_exports_of_earlier_versions_keep_their_number(base: Path) -> None:
    done = Work(kind="export_merged", subject_id="x", key="k", spec={}, status=WorkStatus.SUCCEEDED)
    done.result = {"parity": 0.008}
    found = parity.describe(done)
    assert found == {"status": "succeeded", "difference": 0.008, "good": True}
    assert parity.badge(found) == "answers as base and adapter do (parity 8.0e-03)"


def test_a_comparison_is_told_in_one_line() -> None:
    same = {"status": "succeeded", "identical": True, "rows": 16, "largest": 0.0001, "perplexity_change": 0.00012}
    assert parity.badge(same) == "identical on 16 prompts; largest difference 0.0001, perplexity +0.01%"
    other = same | {"identical": False, "differing": 2, "differs": [{"token": 7}], "perplexity_change": -0.01}
    assert parity.badge(other).startswith("differs on 2 of 16 prompts, first at token 7;")
    prompt = other | {"differs": [{"token": None}]}
    assert "first in the prompt" in parity.badge(prompt)


@pytest.mark.parametrize(
    ("kind", "found", "good"),
    [
        ("float32", {"other_prompts": 0, "unexplained": 0, "perplexity_change": 0.0001}, True),
        ("float32", {"other_prompts": 0, "unexplained": 1, "perplexity_change": 0.0001}, False),
        ("q8_0", {"other_prompts": 0, "unexplained": 5, "perplexity_change": 0.019}, True),
        ("q8_0", {"other_prompts": 0, "unexplained": 0, "perplexity_change": 0.021}, False),
        ("q8_0", {"other_prompts": 1, "unexplained": 0, "perplexity_change": 0.0}, False),
        ("Q4_K_M", {"other_prompts": 0, "unexplained": 0, "perplexity_change": float("nan")}, False),
    ],
)
def test_each_kind_has_a_limit(kind: str, found: dict[str, Any], good: bool) -> None:
    assert parity.is_good(found, parity.LIMITS[kind]) is good


def test_every_type_has_a_limit_words_and_a_size() -> None:
    assert (
        set(gguf.TYPES) == set(gguf.WORDS) == set(gguf.BITS) == set(parity.LIMITS) - {"float32", "float16", "bfloat16"}
    )


def test_a_push_needs_a_token_a_name_and_something_to_push(
    base: Path, resting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    run = add_run(base)
    ready = exports.create(f"run:{run.id}", "adapter")[0]
    with pytest.raises(RefusedError, match="no token for the hub"):
        hub.push(ready.id, "owner/name")
    with pytest.raises(RefusedError, match="not the name of a model"):
        hub.push(ready.id, "name", "hf_writes")
    making = exports.create(f"run:{run.id}", "gguf")[0]
    with pytest.raises(ConflictError, match="The export is"):
        hub.push(making.id, "owner/name", "hf_writes")
    exports.delete(making.id)


def test_the_licence_of_the_base_goes_along(base: Path) -> None:
    (base / "LICENSE").write_text("Apache License")
    run = add_run(base)
    export, _ = exports.create(f"run:{run.id}", "adapter")
    assert "LICENSE" in [entry.name for entry in exports.download(export.id).entries]
