"""Computing several answers at once gives what computing each alone gives. In float32, so that nothing is rounded."""

import queue
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.workers.serve.batch import Batch, Lane, Question
from engine.workers.serve.load import Voice
from engine.workers.serve.sample import Sampler, Sampling
from engine.workers.serve.text import StopFilter, TokenText

GREEDY = Sampling(temperature=0)


@pytest.fixture(scope="module")
def voice(tiny_model: Path) -> Voice:
    return Voice(AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval(), None, frozenset())


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> AutoTokenizer:
    return AutoTokenizer.from_pretrained(tiny_model)


class Heard(list[tuple[int, str, str | None]]):
    """A sink that remembers."""

    def __call__(self, index: int, text: str, finish: str | None) -> None:
        self.append((index, text, finish))

    def text(self, index: int = 0) -> str:
        return "".join(text for of, text, _finish in self if of == index)


def lane(voice: Voice, tokenizer: AutoTokenizer, prompt: list[int], most: int, n: int = 1) -> tuple[Lane, Heard]:
    heard = Heard()
    return Lane(Question(voice, prompt, GREEDY, most, heard, n=n), tokenizer), heard


@torch.inference_mode()
def test_lanes_that_join_and_leave_at_different_times_say_what_they_say_alone(
    voice: Voice, tokenizer: AutoTokenizer
) -> None:
    prompts = {9: list(range(20, 60)), 25: [7, 8], 14: [100, 101, 102, 103, 104], 18: list(range(200, 223))}
    alone = {}
    for most, prompt in prompts.items():
        single, heard = lane(voice, tokenizer, prompt, most)
        while single.rows:
            single.step()
        alone[most] = heard.text()
    first, *others = [lane(voice, tokenizer, prompt, most) for most, prompt in prompts.items()]
    together = first[0]
    together.step()
    for other, _heard in others:  # each joins a step later than the one before
        other.step()
        assert together.joins(other)
        together.join(other)
        together.step()
    assert len(together.rows) == 4
    while together.rows:
        together.step()
    said = {most: sink.text() for most, (_lane, sink) in zip(prompts, [first, *others], strict=True)}
    assert said == alone


@torch.inference_mode()
def test_a_long_prompt_is_read_in_pieces_and_shared_by_its_choices(
    voice: Voice, tokenizer: AutoTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = list(range(10, 110))
    whole, heard = lane(voice, tokenizer, prompt, 6)
    while whole.rows:
        whole.step()
    monkeypatch.setattr("engine.workers.serve.batch.PREFILL_TOKENS", 33)
    pieces, choices = lane(voice, tokenizer, prompt, 6, n=2)
    steps = 0
    while pieces.rows:
        pieces.step()
        steps += 1
    assert steps == 4 + 5
    assert choices.text(0) == choices.text(1) == heard.text()


def test_seeded_and_foreign_lanes_stay_alone(voice: Voice, tokenizer: AutoTokenizer) -> None:
    plain, _ = lane(voice, tokenizer, [5], 2)
    plain.pending = []
    seeded = Lane(Question(voice, [5], Sampling(seed=1), 2, Heard()), tokenizer)
    seeded.pending = []
    other, _ = lane(Voice(voice.network, "adapter", frozenset()), tokenizer, [5], 2)
    other.pending = []
    unread, _ = lane(voice, tokenizer, [5], 2)
    assert not any(plain.joins(one) for one in (seeded, other, unread))


def test_a_lane_that_fails_ends_with_an_error_and_the_next_one_works(voice: Voice, tokenizer: AutoTokenizer) -> None:
    batch = Batch(tokenizer)
    ends: queue.SimpleQueue[str] = queue.SimpleQueue()

    def sink(_index: int, text: str, finish: str | None) -> None:
        if finish:
            ends.put(f"{finish}: {text}")

    batch.ask(Question(voice, [10**6], GREEDY, 2, sink))
    assert ends.get(timeout=30).startswith("error: IndexError")
    batch.ask(Question(voice, [5], GREEDY, 2, sink))
    assert ends.get(timeout=30).startswith("length: ")


def test_text_comes_in_whole_characters_and_all_of_it(tokenizer: AutoTokenizer) -> None:
    words = "naïve 🦜 日本語 done"
    text = TokenText(tokenizer)
    pieces = [text.add(token) for token in tokenizer(words, add_special_tokens=False)["input_ids"]]
    assert "".join(pieces) == words
    assert "\ufffd" not in "".join(pieces)
    cut = TokenText(tokenizer)
    tokens = tokenizer("🦜", add_special_tokens=False)["input_ids"]
    assert [cut.add(token) for token in tokens[:-1]] == [""] * (len(tokens) - 1)
    assert cut.rest() == "\ufffd"


def test_a_stop_sequence_is_found_across_pieces_and_a_near_miss_is_given_back() -> None:
    stop = StopFilter(["END", "###"])
    assert [stop.add(piece) for piece in ("one E", "N", "T two #", "# E")] == ["one ", "", "ENT two ", "## "]
    assert stop.rest() == "E"
    stop = StopFilter(["END"])
    assert (stop.add("one E"), stop.add("ND two"), stop.stopped) == ("one ", "", True)


def test_sampling_keeps_to_its_nucleus_and_its_seed() -> None:
    scores = torch.full((5000,), -20.0)
    scores[[3, 4]] = torch.tensor([5.0, 4.0])
    drawn = {Sampler(Sampling(seed=seed, top_p=0.5)).draw(scores) for seed in range(40)}
    assert drawn == {3}
    drawn = {Sampler(Sampling(seed=seed, top_p=0.95)).draw(scores) for seed in range(40)}
    assert drawn == {3, 4}
    flat = torch.zeros(5000)  # the nucleus is larger than what is looked at first
    many = {Sampler(Sampling(seed=seed, top_p=0.9)).draw(flat) for seed in range(40)}
    assert len(many) > 30
    same = Sampler(Sampling(seed=1)), Sampler(Sampling(seed=1))
    assert [same[0].draw(flat) for _ in range(5)] == [same[1].draw(flat) for _ in range(5)]


def test_penalties_count_what_was_said() -> None:
    sampler = Sampler(Sampling(temperature=0, frequency_penalty=0.6, presence_penalty=0.5))
    scores = torch.tensor([2.0, 1.0, 0.0])
    assert [sampler.draw(scores) for _ in range(5)] == [0, 1, 0, 0, 2]
