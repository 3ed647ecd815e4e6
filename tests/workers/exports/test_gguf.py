"""GGUF for real: llama.cpp's own converter and library, on a tiny model; what comes out answers as what was trained."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.process import events
from engine.process.plan import WORKERS
from engine.workers.contract import WorkFailedError
from engine.workers.exports import comparing, whole
from engine.workers.exports.gguf import converter, make, quantise, reading
from engine.workers.runtimes import library
from tests.conftest import ROOT
from tests.llama_runtime import llama_runtimes
from tests.starter import starter_model
from tests.workers.exports import little_llama

__all__ = ["llama_runtimes", "starter_model"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("untraced"),  # llama.cpp's converter imports torch each time
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),  # PEFT asks for it
]


@pytest.fixture(scope="module")
def base(starter_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return little_llama.make(tmp_path_factory.mktemp("little") / "base", starter_model)


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return little_llama.tune(base, tmp_path_factory.mktemp("tuned") / "adapter", use_rslora=True)


@pytest.fixture(scope="module")
def whole_base(base: Path, llama_runtimes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base as llama.cpp's own script makes it, for those tests that ask it about its answers alone."""
    folder = tmp_path_factory.mktemp("whole")
    file = folder / "base.gguf"
    arguments = [str(base), "--outtype", "f32", "--outfile", str(file)]
    converter.convert(llama_runtimes / "llama", converter.MODEL, arguments, folder)
    return file


def said_by(base: Path, adapter: Path | None) -> comparing.Trained:
    """What the trained form answers."""
    model = whole.opened(base, torch.float32)
    return comparing.ask(whole.tuned(model, adapter) if adapter else model, base, None)


def asked(base: Path, adapter: Path | None, runtimes: Path, kind: str, of: str = "model") -> dict[str, Any]:
    """What the studio asks of the worker."""
    return {
        "base_path": str(base), "adapter_path": str(adapter) if adapter else None, "of": of, "type": kind,
        "base_type": "f32", "base_file": "base.gguf", "name": f"little-{kind}", "title": "Little", "parameters": 1,
        "card": "# A card\n", "run_folder": None, "runtimes": str(runtimes), "install": None,
    }  # fmt: skip


def test_a_model_in_f32_is_the_trained_one_by_transformers_and_by_llama_cpp(
    base: Path, adapter: Path, llama_runtimes: Path, tmp_path: Path
) -> None:
    """By the program that the studio starts. Nothing of it names a folder of this machine."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "spec.json").write_text(json.dumps(asked(base, adapter, llama_runtimes, "f32")))
    command = [sys.executable, "-m", WORKERS["export_gguf"], str(out / "spec.json"), str(out)]
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}  # as the studio starts it
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    finished = events.read(out)[0][-1]
    assert isinstance(finished, events.Finished)
    parity = finished.result["parity"]
    assert [(check["checked_by"], check["good"]) for check in parity["checks"]] == [
        ("llama.cpp", True), ("transformers", True),
    ]  # fmt: skip
    assert parity["checks"][1]["identical"]
    assert parity["checks"][1]["largest"] < 1e-3
    assert {path.name for path in (out / "gguf").iterdir()} == {"little-f32.gguf", "Modelfile", "README.md"}
    assert not (out / "scratch").exists()
    content = (out / "gguf" / "little-f32.gguf").read_bytes()
    assert str(tmp_path).encode() not in content
    assert str(base.parent).encode() not in content
    assert weights_agree(out / "gguf" / "little-f32.gguf", base, adapter)


def weights_agree(file: Path, base: Path, adapter: Path) -> bool:
    """Whether every weight that transformers reads back is that of a merge made here."""
    merged: Any = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter)
    wanted = dict(merged.merge_and_unload().named_parameters())
    found = dict(AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name).named_parameters())
    return found.keys() == wanted.keys() and all(torch.allclose(found[n], wanted[n], atol=1e-6) for n in wanted)


@pytest.mark.parametrize("kind", ["q8_0", "Q4_K_M"])
def test_fewer_bits_are_told_in_numbers_and_what_falls_back_is_counted(
    kind: str, base: Path, adapter: Path, llama_runtimes: Path, tmp_path: Path
) -> None:
    result = make.make(asked(base, adapter, llama_runtimes, kind), tmp_path)
    parity = result["parity"]
    assert (parity["rows"], parity["other_prompts"]) == (8, 0)
    assert parity["largest"] > 1e-4
    assert parity["good"] == (parity["perplexity_change"] <= {"q8_0": 0.02, "Q4_K_M": 0.15}[kind])
    assert (tmp_path / "gguf" / "README.md").read_text() == "# A card\n"
    fallen = [note for note in result["notes"] if "does not divide" in note]
    assert fallen == (
        [] if kind == "q8_0" else ["8 of 11 tensors have rows that 256 does not divide: they are kept in more bits."]
    )


def test_an_adapter_alone_keeps_the_scale_of_rslora(
    base: Path, adapter: Path, llama_runtimes: Path, tmp_path: Path
) -> None:
    """llama.cpp divides by the rank, rsLoRA by its root: without the correction half of the change would be lost."""
    result = make.make(asked(base, adapter, llama_runtimes, "f32", of="adapter"), tmp_path)
    assert result["parity"]["good"], result["parity"]
    assert result["parity"]["largest"] < 0.05
    modelfile = (tmp_path / "gguf" / "Modelfile").read_text()
    assert modelfile.startswith("FROM ./base.gguf\nADAPTER ./little-f32.gguf\n")
    assert 'PARAMETER stop "<|im_end|>"' in modelfile


def test_an_adapter_with_a_wrong_scale_is_not_called_good(
    base: Path, whole_base: Path, adapter: Path, llama_runtimes: Path, tmp_path: Path
) -> None:
    """What llama.cpp's script makes of rsLoRA when it is left alone: half of the change is lost."""
    runtime, lora = llama_runtimes / "llama", tmp_path / "lora.gguf"
    arguments = [str(adapter), "--base", str(base), "--outtype", "f32", "--outfile", str(lora)]
    converter.convert(runtime, converter.ADAPTER, arguments, tmp_path)
    parity = reading.by_llama_cpp(runtime, whole_base, said_by(base, adapter), "f32", lora).parity
    assert parity["good"] is False
    assert parity["differs"][0]["token"] is not None
    assert "an adapter's scale" in parity["cause"]


def test_a_template_that_got_lost_is_found_in_the_prompt(
    base: Path, whole_base: Path, llama_runtimes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library.Opened, "template", None)
    parity = reading.by_llama_cpp(llama_runtimes / "llama", whole_base, said_by(base, None), "f32").parity
    assert (parity["good"], parity["other_prompts"], parity["differs"][0]["token"]) == (False, 8, None)
    assert "chat template" in parity["cause"]


def test_the_weights_are_compared_where_nothing_can_run_the_file(
    base: Path, llama_runtimes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = llama_runtimes / "llama"
    monkeypatch.setattr(library, "load", missing_library)
    monkeypatch.setenv("PATH", f"{quantising_program(tmp_path, folder)}:{os.environ['PATH']}")
    result = make.make(asked(base, None, llama_runtimes, "Q6_K"), tmp_path / "out")
    assert (result["parity"]["rows"], result["parity"]["good"]) == (0, None)
    assert 0 < result["parity"]["weights_apart"] < 0.05
    assert "Quantised by llama-quantize of this machine." in result["notes"]


def missing_library(_folder: Path) -> None:
    raise OSError("libllama.so: cannot open shared object file")


def quantising_program(folder: Path, runtime: Path) -> Path:
    """A `llama-quantize` on PATH, which does it by the library."""
    code = "import sys; from pathlib import Path; from engine.workers.runtimes import library as l; "
    code += f"l.quantise(l.load(Path({str(runtime / 'lib')!r})), Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])"
    program = folder / "bin" / quantise.PROGRAM
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -c "{code}" "$@"\n')
    program.chmod(0o700)
    return program.parent


def test_a_model_that_the_converter_does_not_know_is_refused_in_its_words(
    tiny_model: Path, llama_runtimes: Path, tmp_path: Path
) -> None:
    """The tiny model's vocabulary is one that nobody has."""
    with pytest.raises(WorkFailedError, match=r"llama\.cpp.s converter does not take this model") as refused:
        make.make(asked(tiny_model, None, llama_runtimes, "f16"), tmp_path)
    assert "merged model" in refused.value.hint
    assert not (tmp_path / "gguf").exists()
    assert not (tmp_path / "scratch").exists()


def test_what_a_stranger_would_have_loaded_from_elsewhere_is_not_given_to_the_converter(
    base: Path, tmp_path: Path
) -> None:
    """llama.cpp's scripts open tokenizers with trust_remote_code."""
    config = json.loads((base / "tokenizer_config.json").read_text())
    source = tmp_path / "source"
    source.mkdir()
    (source / "tokenizer_config.json").write_text(
        json.dumps(config | {"auto_map": {"AutoTokenizer": ["x--y.Z", None]}})
    )
    (source / "tokenization.py").write_text("raise SystemExit('ran')")
    converter.stage(source, tmp_path / "staged")
    assert [path.name for path in (tmp_path / "staged").iterdir()] == ["tokenizer_config.json"]
    assert json.loads((tmp_path / "staged" / "tokenizer_config.json").read_text()) == config


def test_the_end_of_an_answer_becomes_the_end_that_the_file_names(base: Path, tmp_path: Path) -> None:
    converter.stage(base, tmp_path / "staged")
    converter.end_with(tmp_path / "staged", "<|endoftext|>")
    assert AutoTokenizer.from_pretrained(tmp_path / "staged").eos_token == "<|endoftext|>"
    assert json.loads((base / "tokenizer_config.json").read_text())["eos_token"] == "<|im_end|>"


def test_causes_are_named_by_what_differs() -> None:
    assert "(BOS) is added" in comparing._other_prompt([5, 6], [1, 5, 6])
    assert "(BOS) is left out" in comparing._other_prompt([1, 5, 6], [5, 6])
    assert "chat template" in comparing._other_prompt([5, 6], [7, 8])
