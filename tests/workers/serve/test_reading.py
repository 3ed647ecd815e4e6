"""Texts that are read and not gone on with: log-probabilities of prompts, vectors and scores are the network's own."""

import base64
import json
import struct
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import torch
from transformers import AutoModelForCausalLM

from engine.workers.rewards import model as reward_model
from engine.workers.serve import reading
from engine.workers.serve.batch import Batch
from engine.workers.serve.load import Voice
from engine.workers.serve.pooled.reader import Pooling, Text, TextLane, pooling_of
from engine.workers.serve.questions import Ending, Piece, Question
from engine.workers.serve.sample import Sampling
from tests.waiting import wait_for
from tests.workers.serve.running import Server

PROMPTS = ["naïve 한국 🦜 fox", "x", "a much longer prompt about the quick brown fox. " * 3]


def completed(server: Server, **body: Any) -> list[dict[str, Any]]:
    answer = server.post("completions", **{"model": "m:base", "temperature": 0, "echo": True, **body})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["choices"])


@pytest.fixture(scope="module")
def network(tiny_model: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval()


@torch.inference_mode()
def own(network: Any, tokens: list[int]) -> list[float]:
    """The log-probability of each token but the first, by the network itself."""
    scores = torch.log_softmax(network(torch.tensor([tokens])).logits[0].float(), dim=-1)
    return [float(scores[place, token]) for place, token in enumerate(tokens[1:])]


def test_a_prompts_log_probabilities_are_the_networks_and_in_openais_shape(
    server: Server, network: Any, tokenizer: Any
) -> None:
    choices = completed(server, prompt=PROMPTS, max_tokens=0, logprobs=3)
    for prompt, choice in zip(PROMPTS, choices, strict=True):
        told, tokens = choice["logprobs"], tokenizer(prompt)["input_ids"]
        assert (choice["text"], choice["finish_reason"]) == (prompt, "length")
        assert (told["token_logprobs"][0], told["top_logprobs"][0]) == (None, None)
        assert told["token_logprobs"][1:] == pytest.approx(own(network, tokens), abs=1e-4)
        for name, likeliest in zip(told["tokens"][1:], told["top_logprobs"][1:], strict=True):
            assert name in likeliest
            assert 3 <= len(likeliest) <= 4
        assert "bytes:" in "".join(told["tokens"]) or prompt.isascii()
        for offset, name in zip(told["text_offset"], told["tokens"], strict=True):
            assert name.startswith("bytes:") or prompt[offset:].startswith(name)


def test_the_answer_follows_its_prompt_streamed_or_not_and_is_the_one_without_echo(server: Server) -> None:
    for most in (1, 5):
        plain = completed(server, prompt=PROMPTS, max_tokens=most, echo=False, logprobs=2, seed=1)
        for options in ({}, {"n": 2}):
            echoed = completed(server, prompt=PROMPTS, max_tokens=most, logprobs=2, seed=1, **options)
            for choice in echoed:
                alone = plain[choice["index"] // options.get("n", 1)]
                told, count = choice["logprobs"], len(alone["logprobs"]["tokens"])
                assert choice["text"].endswith(alone["text"])
                assert told["tokens"][-count:] == alone["logprobs"]["tokens"]
                assert told["token_logprobs"][-count:] == pytest.approx(alone["logprobs"]["token_logprobs"], abs=1e-4)
                start = len(choice["text"]) - len(alone["text"])
                assert [place - start for place in told["text_offset"][-count:]] == alone["logprobs"]["text_offset"]
    body = {"model": "m:base", "prompt": PROMPTS[0], "max_tokens": 5, "temperature": 0, "echo": True, "logprobs": 2}
    with server.http() as client:
        lines = client.post("/v1/completions", json={**body, "stream": True}).text.split("\n\n")[:-2]
    parts = [json.loads(line.removeprefix("data: "))["choices"][0] for line in lines]
    whole = completed(server, **body)[0]
    assert "".join(part["text"] for part in parts) == whole["text"]
    for name in ("tokens", "token_logprobs", "text_offset"):
        assert [entry for part in parts if part["logprobs"] for entry in part["logprobs"][name]] == whole["logprobs"][
            name
        ]


def test_tokens_as_a_prompt_have_places_in_their_text_too(server: Server, tokenizer: Any) -> None:
    tokens = tokenizer(PROMPTS[0])["input_ids"]
    of_text, of_tokens = (
        completed(server, prompt=[given], max_tokens=0, logprobs=0)[0] for given in (PROMPTS[0], tokens)
    )
    assert of_tokens == of_text
    assert completed(server, prompt=tokens, max_tokens=0)[0]["text"] == PROMPTS[0]


@pytest.mark.parametrize(("places", "scores"), [(7, 1 << 24), (512, 320 * 3), (512, 1)])
def test_a_prompt_that_is_read_in_pieces_has_the_same_log_probabilities(
    network: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch, places: int, scores: int
) -> None:
    monkeypatch.setattr(reading, "READ_TOKENS", places)
    monkeypatch.setattr(reading, "SCORES", scores)
    monkeypatch.setattr(reading, "SCORE_ROWS", 2)
    prompts, told = [list(range(20, 60)), [7], [100, 101, 102]], list[Piece]()
    voice = Voice(network, None, frozenset())
    questions = [
        Question(voice, prompt, Sampling(temperature=0), Ending(1), told.append, likeliest=1, tells_prompt=True)
        for prompt in prompts
    ]
    with torch.inference_mode():
        lane = reading.PromptLane(questions, tokenizer)
        while lane.rows:
            lane.step()
    for piece, prompt in zip(told, prompts, strict=True):
        *read, drawn = piece.scores
        assert [score.token for score in read] == prompt
        assert [score.logprob for score in read[1:]] == pytest.approx(own(network, prompt), abs=1e-4)
        assert drawn.logprob == drawn.likeliest[0][1]
        with torch.inference_mode():
            assert drawn.token == int(network(torch.tensor([prompt])).logits[0, -1].argmax())


def test_a_text_that_cannot_be_read_fails_alone(network: Any, tokenizer: Any) -> None:
    batch, told = Batch(tokenizer), list[Any]()
    voice = Voice(network, None, frozenset())
    batch.read([TextLane(voice, [Text([10**6], told.append)], "last")])
    batch.read([TextLane(voice, [Text([5], told.append)], "last")])
    wait_for(lambda: len(told) == 2, 30)
    assert told[0].startswith("IndexError")
    assert len(told[1]) == network.config.hidden_size


@pytest.mark.parametrize("places", [3, 512])
def test_vectors_are_the_last_hidden_state_normalised(
    network: Any, monkeypatch: pytest.MonkeyPatch, places: int
) -> None:
    monkeypatch.setattr(reading, "READ_TOKENS", places)
    texts, told = [[5, 6, 7, 8, 9], [300], [9, 8, 7]], dict[int, Any]()
    jobs = [Text(tokens, partial(told.__setitem__, number)) for number, tokens in enumerate(texts)]
    poolings: tuple[Pooling, ...] = ("last", "mean")
    for pooling in poolings:
        with torch.inference_mode():
            lane = TextLane(Voice(network, None, frozenset()), jobs, pooling)
            while lane.rows:
                lane.step()
            for number, tokens in enumerate(texts):
                states = network.model(torch.tensor([tokens])).last_hidden_state[0]
                pooled = states.mean(0) if pooling == "mean" else states[-1]
                assert told[number] == pytest.approx(torch.nn.functional.normalize(pooled, dim=0).tolist(), abs=1e-5)


def test_how_to_pool_is_read_from_the_models_folder(tmp_path: Path) -> None:
    assert pooling_of(tmp_path) == "last"
    (tmp_path / "1_Pooling").mkdir()
    for modes, expected in (
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False, "include_prompt": True}, "mean"),
        ({"pooling_mode_lasttoken": True}, "last"),
        ({"pooling_mode_cls_token": True}, None),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True}, None),
    ):
        (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(modes))
        assert pooling_of(tmp_path) == expected


def test_embeddings_are_openais_and_every_voice_has_its_own(server: Server, network: Any, tokenizer: Any) -> None:
    with openai.OpenAI(base_url="http://server/v1", api_key="-", http_client=server.http()) as client:
        answer = client.embeddings.create(model="m:base", input=PROMPTS)  # as base64, which is the client's own choice
        cut = client.embeddings.create(model="m:base", input=PROMPTS[0], dimensions=4, encoding_format="float")
        tuned = client.embeddings.create(model="m:one", input=PROMPTS[0])
    tokens = [tokenizer(prompt)["input_ids"] for prompt in PROMPTS]
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (sum(map(len, tokens)),) * 2
    for entry, ids in zip(answer.data, tokens, strict=True):
        with torch.inference_mode():
            state = torch.nn.functional.normalize(network.model(torch.tensor([ids])).last_hidden_state[0, -1], dim=0)
        assert entry.embedding == pytest.approx(state.tolist(), abs=1e-5)
    first = torch.tensor(answer.data[0].embedding)
    assert cut.data[0].embedding == pytest.approx(torch.nn.functional.normalize(first[:4], dim=0).tolist(), abs=1e-5)
    assert tuned.data[0].embedding != pytest.approx(answer.data[0].embedding, abs=1e-2)
    of_tokens = server.post("embeddings", model="m:base", input=[tokens[0]], encoding_format="base64").json()
    vector = struct.unpack(f"<{len(first)}f", base64.b64decode(of_tokens["data"][0]["embedding"]))
    assert list(vector) == pytest.approx(first.tolist(), abs=1e-5)


@torch.inference_mode()
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # PEFT asks for it
def test_scores_are_those_that_a_training_gets_from_the_reward_model(server: Server, spec: dict[str, Any]) -> None:
    base, adapter = Path(spec["model_path"]), Path(spec["adapters"]["judge"])
    judge = reward_model.load(base, adapter, "cpu", torch.float32)
    answers = ["fox", "a longer answer about the dog 한국", "no"]
    expected = judge([[{"role": "user", "content": "hi"}]] * 3, answers)
    for name in ("m:judge", "m:judge2"):
        raw = server.post("score", model=name, text_1="hi", text_2=answers, use_activation=False).json()
        assert [entry["score"] for entry in raw["data"]] == pytest.approx(expected, abs=1e-4)
    assert (raw["object"], raw["model"], raw["data"][1]["index"], raw["data"][0]["object"]) == (
        "list",
        name,
        1,
        "score",
    )
    shown = server.post("score", model="m:judge", queries=["hi"] * 3, documents=answers).json()
    chances = [1 / (1 + 2.718281828459045**-score) for score in expected if score is not None]
    assert [entry["score"] for entry in shown["data"]] == pytest.approx(chances, abs=1e-4)
    assert shown["usage"]["prompt_tokens"] == raw["usage"]["prompt_tokens"] > 30


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("completions", {"model": "m:judge", "prompt": "a"}, "is a reward model: it scores answers at /v1/score"),
        ("embeddings", {"model": "m:judge", "input": "a"}, "is a reward model"),
        ("score", {"model": "m", "text_1": "a", "text_2": "b"}, "writes answers and gives no scores"),
        ("score", {"model": "m:judge", "text_1": "a"}, "`text_1` and `text_2` are needed"),
        ("score", {"model": "m:judge", "text_1": ["a", "b"], "text_2": ["a", "b", "c"]}, "2 questions"),
        ("embeddings", {"model": "m", "input": []}, "`input"),
        ("embeddings", {"model": "m", "input": ""}, "`input"),
        ("embeddings", {"model": "m", "input": "a", "dimensions": 10**6}, "`dimensions` is 1000000"),
        ("embeddings", {"model": "m", "input": "a", "encoding_format": "bytes"}, "`encoding_format`"),
        ("embeddings", {"model": "m", "input": "x " * 600}, "context is 512 tokens"),
        ("embeddings", {"model": "m", "input": [[99999]]}, "not a token"),
    ],
    ids=str,
)
def test_what_a_voice_cannot_do_and_wrong_bodies_are_400(
    server: Server, path: str, body: dict[str, Any], said: str
) -> None:
    answer = server.post(path, **body)
    assert (answer.status_code, said in answer.json()["error"]["message"]) == (400, True), answer.text


def test_a_client_that_goes_away_ends_its_reading(server: Server) -> None:
    texts = ["x " * 240] * 200
    with server.http() as client, pytest.raises(httpx.ReadTimeout):
        client.post("/v1/embeddings", json={"model": "m", "input": texts}, timeout=0.3)
    wait_for(lambda: server.in_flight() == 0)
