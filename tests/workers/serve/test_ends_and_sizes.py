"""Models that stop elsewhere than their template, and know fewer tokens than their tokenizer: trained, then served."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.process import events
from tests.waiting import wait_for
from tests.workers.train.odd_models import make
from tests.workers.train.training_runs import chat, finish, only, spec, write_rows
from tests.workers.warm import Program

ROWS = [chat("say fox", "fox it is"), chat("call it", "<tool_x>fox<tool_y>")] * 8
LEARNS: dict[str, dict[str, Any]] = {  # until every row is known by heart; until something is learnt
    "full": {"max_steps": 70, "learning_rate": 3e-3},
    "lora": {"max_steps": 25, "learning_rate": 2e-2},
}


class Served:
    """A model, what was trained on it with full and lora, and all of them served: m:base, m:full, m:lora."""

    def __init__(self, folder: Path, tied: bool) -> None:
        self.folder, self.tied = folder, tied
        self.model = make(folder / "model", added=("<tool_x>", "<tool_y>"), tied=tied)
        rows = write_rows(folder, "chat", ROWS)
        shared: dict[str, Any] = {"bf16": False, "per_device_train_batch_size": 8}
        self.events = {
            tuning: finish(spec(self.model, rows, tuning=tuning, **shared, **steps), folder / tuning)
            for tuning, steps in LEARNS.items()
        }
        self.results = {
            tuning: folder / tuning / only(recorded, events.Finished).result["artifact"]
            for tuning, recorded in self.events.items()
        }
        self.process = self._start()

    def _start(self) -> Program:
        out, names = self.folder / "serve", {"m:base": "", **{f"m:{name}": name for name in self.results}}
        adapters = {name: str(result) for name, result in self.results.items()}
        out.mkdir()
        values = {"model_path": str(self.model), "adapters": adapters, "names": names, "socket": str(out / "s")}
        (out / "spec.json").write_text(json.dumps(values))
        arguments = [str(out / "spec.json"), str(out)]
        process = Program("engine.workers.serve.serve", arguments, dict(os.environ), out / "output.log")
        wait_for(lambda: events.read(out)[0] or process.poll() is not None, 120)
        assert isinstance(events.read(out)[0][0], events.Ready), (out / "output.log").read_text()
        return process

    def ask(self, name: str, text: str, **options: Any) -> httpx.Response:
        body = {"model": name, "messages": [{"role": "user", "content": text}], "temperature": 0, "max_tokens": 12}
        transport = httpx.HTTPTransport(uds=str(self.folder / "serve" / "s"))
        with httpx.Client(transport=transport, base_url="http://server", timeout=60) as client:
            return client.post("/v1/chat/completions", json=body | options)


@pytest.fixture(scope="module", params=[False, True], ids=["head", "tied head"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = Served(tmp_path_factory.mktemp("odd"), request.param)
    yield running
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(60) == 0


def test_an_answer_ends_where_the_template_ends_a_turn(served: Served) -> None:
    choice = served.ask("m:full", "say fox").json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("fox it is", "stop")


def test_the_result_says_where_its_answers_end_and_transformers_stops_there(served: Served) -> None:
    tokenizer = AutoTokenizer.from_pretrained(served.results["full"])
    for result in served.results.values():
        assert json.loads((result / "generation_config.json").read_text())["eos_token_id"] == [2, 0]
        assert AutoTokenizer.from_pretrained(result).eos_token == "<|im_end|>"
    model = AutoModelForCausalLM.from_pretrained(served.results["full"])
    prompt = tokenizer.apply_chat_template(chat("call it"), add_generation_prompt=True, return_tensors="pt")[
        "input_ids"
    ]
    answer = model.generate(prompt, max_new_tokens=12, do_sample=False)[0, prompt.shape[1] :]
    assert tokenizer.decode(answer) == "<tool_x>fox<tool_y><|im_end|>"
    notes = [event.message for event in served.events["full"] if isinstance(event, events.Note)]
    assert any("Answers end at `<|im_end|>` or `<|endoftext|>`" in note for note in notes)


def test_that_the_embeddings_grow_is_said_and_what_it_means_for_serving(served: Served) -> None:
    for tuning, meaning in (("full", "a model with the larger embeddings"), ("lora", "vLLM takes no such adapter")):
        notes = [event for event in served.events[tuning] if isinstance(event, events.Note)]
        (grown,) = [note for note in notes if "embeddings grow from 320 to 322 rows" in note.message]
        assert grown.level == "warning"
        assert "`<tool_x>`, `<tool_y>`" in grown.message
        assert meaning in grown.message
    card = (served.results["lora"] / "README.md").read_text()
    assert "`model.resize_token_embeddings(322)`" in card
    assert "resize_token_embeddings" not in (served.results["full"] / "README.md").read_text()


def test_an_adapter_keeps_the_new_rows_alone(served: Served) -> None:
    config = json.loads((served.results["lora"] / "adapter_config.json").read_text())
    rows = {"embed_tokens": [320, 321]} if served.tied else {"embed_tokens": [320, 321], "lm_head": [320, 321]}
    assert {name: config["trainable_token_indices"][name] for name in rows} == rows
    assert (served.results["lora"] / "adapter_model.safetensors").stat().st_size < 100_000


def test_a_token_is_taken_by_whoever_knows_it_and_refused_by_the_base(served: Served) -> None:
    assert served.ask("m:lora", "<tool_x>").status_code == 200
    assert served.ask("m:full", "<tool_x>").status_code == 200
    refused = served.ask("m:base", "<tool_x>")
    assert refused.status_code == 400
    assert "knows no token `<tool_x>`: it has 320 embeddings" in refused.json()["error"]["message"]
    answers = {name: served.ask(name, "say fox").json()["choices"][0] for name in ("m:base", "m:lora", "m:full")}
    assert len({json.dumps(answer) for answer in answers.values()}) == 3
