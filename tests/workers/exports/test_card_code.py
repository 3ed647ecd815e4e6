"""The code on a card, run as its reader runs it: what was downloaded lies in the folder that the card names."""

import contextlib
import io
import os
import re
import shutil
from pathlib import Path

import pytest
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.exports import exports, facts
from engine.exports.card import using
from engine.exports.card.card import text
from engine.subjects import subject as subjects
from tests.engine.exports.trained_runs import add_run

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # PEFT's
EXACT = {"title": "Exact match", "base": 0.1, "tuned": 0.72, "difference": 0.62, "low": 0.5, "high": 0.74}
REPORT = {
    "sentence": "Better: 62 points more.",
    "rows": 40,
    "dataset_name": "sums",
    "against": "its base",
    "metrics": [EXACT],
}


@pytest.fixture
def subject(tiny_model: Path, tmp_path: Path) -> subjects.Subject:
    """A run that left a real adapter."""
    tuned = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model), LoraConfig(target_modules="all-linear"))
    tuned.save_pretrained(tmp_path / "adapter")
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path / "adapter")
    return subjects.look_up(f"run:{add_run(tiny_model, tmp_path / 'adapter').id}")


def blocks(card: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.+?)\n```", card, re.S)


def test_the_python_on_a_card_loads_what_was_downloaded_and_asks_it(
    subject: subjects.Subject, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = exports.result_of(subject.run.id)
    for entry in archive.entries:
        (tmp_path / archive.name).mkdir(exist_ok=True)
        (tmp_path / archive.name / entry.name).write_bytes(b"".join(entry.chunks()))
    (tmp_path / "FOLDER_OF_tiny").symlink_to(tiny_model)
    shutil.copytree(tiny_model, tmp_path / facts.folder_name(subject, "merged"))
    monkeypatch.chdir(tmp_path)
    for card in ((tmp_path / archive.name / "README.md").read_text(), text(facts.of(subject, "merged"))):
        (code,) = blocks(card, "python")
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile(code, "card", "exec"), {})
        assert said.getvalue().endswith("\n")
    assert os.getcwd() == str(tmp_path)


def test_the_commands_on_a_card_name_the_files_that_are_there(subject: subjects.Subject) -> None:
    whole = text(facts.of(subject, "gguf", {"type": "Q4_K_M", "of": "model"}))
    ollama, server = blocks(whole, "sh")
    assert ollama.splitlines() == ["cd Jokes-v2", "ollama create jokes-v2 -f Modelfile", "ollama run jokes-v2"]
    assert server == "llama-server -m Jokes-v2-Q4_K_M.gguf"
    assert 'from_pretrained("Jokes-v2", gguf_file="Jokes-v2-Q4_K_M.gguf")' in whole
    alone = text(facts.of(subject, "gguf", {"type": "f16", "of": "adapter"}))
    assert "llama-cli -m tiny.gguf --lora Jokes-v2-f16.gguf" in alone
    assert not blocks(alone, "python")
    assert blocks(text(facts.of(subject, "merged")), "sh") == ["vllm serve Jokes-v2-model"]
    (serving,) = blocks(text(facts.of(subject, "adapter")), "sh")
    assert serving.endswith("--enable-lora --max-lora-rank 8 --lora-modules tuned=Jokes-v2-adapter")
    assert using.not_in_vllm({"tuning": "lora", "use_dora": True}) == "it uses DoRA"


def test_a_card_has_what_was_measured_with_intervals_the_data_and_the_limits(subject: subjects.Subject) -> None:
    told = facts.of(subject, "merged", parity={"status": "succeeded", "difference": 0.001, "good": True})
    card = text(told.__class__(**{**vars(told), "report": REPORT, "data": ("180 rows.", "SHA-256 of its rows: `ab`.")}))
    assert "| Exact match | 0.1 | 0.72 | 0.62 | 0.5 to 0.74 |" in card
    assert "On 40 held-out rows of sums, against its base: Better: 62 points more." in card
    assert "SHA-256 of its rows: `ab`." in card
    assert "answers as base and adapter do (parity 1.0e-03)" in card
    assert "What is not under Measured was not measured" in card
    failed = {"status": "succeeded", "rows": 0, "good": False, "checked_by": "weights", "cause": "It is too coarse."}
    bad = facts.of(subject, "gguf", {"type": "q8_0"}, parity=failed)
    assert "answers differently from what was trained. It is too coarse." in text(bad)
