"""Computing several answers at once gives what computing each alone gives. In float32, so that nothing is rounded."""

import queue
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.workers.serve.batch import Batch, Lane
from engine.workers.serve.load import Voice
from engine.workers.serve.questions import Ending, Piece, Question
from engine.workers.serve.sample import Sampler, Sampling
from engine.workers.serve.text import StopFilter, TokenText

GREEDY = Sampling(temperature=0)


@pytest.fixture(scope="module")
def voice(tiny_model: Path) -> Voice:
    return Voice(AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval(), None, frozenset())


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> AutoTokenizer:
    return AutoTokenizer.from_pretrained(tiny_model)


class RecordingSink(list[Piece]):
    """A sink that remembers."""

    def __call__(self, piece: Piece) -> None:
        self.append(piece)

    def text(self, index: int = 0) -> str:
        return "".join(piece.text for piece in self if piece.choice == index)


def lane(
    voice: Voice, tokenizer: AutoTokenizer, prompt: list[int], max_tokens: int, n: int = 1
) -> tuple[Lane, RecordingSink]:
    sink = RecordingSink()
    return Lane(Question(voice, prompt, GREEDY, Ending(max_tokens), sink, n=n), tokenizer), sink


@torch.inference_mode()
def test_lanes_that_join_and_leave_at_different_times_say_what_they_say_alone(
    voice: Voice, tokenizer: AutoTokenizer
) -> None:
    prompts = {9: list(range(20, 60)), 25: [7, 8], 14: [100, 101, 102, 103, 104], 18: list(range(200, 223))}
    expected = {}
    for max_tokens, prompt in prompts.items():
        lone_lane, sink = lane(voice, tokenizer, prompt, max_tokens)
        while lone_lane.rows:
            lone_lane.step()
        expected[max_tokens] = sink.text()
    first, *others = [lane(voice, tokenizer, prompt, max_tokens) for max_tokens, prompt in prompts.items()]
    joined = first[0]
    joined.step()
    for other, _sink in others:  # each joins a step later than the one before
        other.step()
        assert joined.joins(other)
        joined.join(other)
        joined.step()
    assert len(joined.rows) == 4
    while joined.rows:
        joined.step()
    texts = {max_tokens: sink.text() for max_tokens, (_lane, sink) in zip(prompts, [first, *others], strict=True)}
    assert texts == expected


@torch.inference_mode()
def test_a_long_prompt_is_read_in_pieces_and_shared_by_its_choices(
    voice: Voice, tokenizer: AutoTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = list(range(10, 110))
    whole_lane, sink = lane(voice, tokenizer, prompt, 6)
    while whole_lane.rows:
        whole_lane.step()
    monkeypatch.setattr("engine.workers.serve.batch.PREFILL_TOKENS", 33)
    piecewise_lane, piecewise_sink = lane(voice, tokenizer, prompt, 6, n=2)
    steps = 0
    while piecewise_lane.rows:
        piecewise_lane.step()
        steps += 1
    assert steps == 4 + 5
    assert piecewise_sink.text(0) == piecewise_sink.text(1) == sink.text()


def test_seeded_and_foreign_lanes_stay_alone(voice: Voice, tokenizer: AutoTokenizer) -> None:
    plain, _ = lane(voice, tokenizer, [5], 2)
    plain.pending = []
    seeded = Lane(Question(voice, [5], Sampling(seed=1), Ending(2), RecordingSink()), tokenizer)
    seeded.pending = []
    other, _ = lane(Voice(voice.network, "adapter", frozenset()), tokenizer, [5], 2)
    other.pending = []
    unread, _ = lane(voice, tokenizer, [5], 2)
    assert not any(plain.joins(lane) for lane in (seeded, other, unread))


def test_a_lane_that_fails_ends_with_an_error_and_the_next_one_works(voice: Voice, tokenizer: AutoTokenizer) -> None:
    batch = Batch(tokenizer)
    ends: queue.SimpleQueue[str] = queue.SimpleQueue()

    def sink(piece: Piece) -> None:
        if piece.finish:
            ends.put(f"{piece.finish}: {piece.text}")

    batch.ask(Question(voice, [10**6], GREEDY, Ending(2), sink))
    assert ends.get(timeout=30).startswith("error: IndexError")
    batch.ask(Question(voice, [5], GREEDY, Ending(2), sink))
    assert ends.get(timeout=30).startswith("length: ")


def test_text_comes_in_whole_characters_and_all_of_it(tokenizer: AutoTokenizer) -> None:
    expected = "naïve 🦜 日本語 done"
    text = TokenText(tokenizer)
    pieces = [
        piece for token in tokenizer(expected, add_special_tokens=False)["input_ids"] for piece, _ in text.add(token)
    ]
    assert "".join(pieces) == expected
    assert "\ufffd" not in "".join(pieces)
    unfinished = TokenText(tokenizer)
    tokens = tokenizer("🦜", add_special_tokens=False)["input_ids"]
    assert [unfinished.add(token) for token in tokens[:-1]] == [[("", True)]] * (len(tokens) - 1)
    assert unfinished.rest() == "\ufffd"


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
    tokens = {Sampler(Sampling(seed=seed, top_p=0.9)).draw(flat) for seed in range(40)}
    assert len(tokens) > 30
    samplers = Sampler(Sampling(seed=1)), Sampler(Sampling(seed=1))
    assert [samplers[0].draw(flat) for _ in range(5)] == [samplers[1].draw(flat) for _ in range(5)]


def test_of_tokens_with_the_same_score_the_lowest_is_the_greedy_one_and_the_first_of_its_nucleus() -> None:
    """Ties are common in bfloat16; what torch.topk and argmax name then is left open."""
    scores = torch.zeros(5000, dtype=torch.bfloat16)
    for tied in ([4321, 1234, 77], [3000, 2999], [4999, 0]):
        scores.zero_()
        scores[tied] = 30.0
        draws = [Sampling(temperature=0)] + [Sampling(top_p=1e-6, seed=seed) for seed in range(10)]
        assert {Sampler(sampling).draw(scores) for sampling in draws} == {min(tied)}
    flat = torch.zeros(5000)
    assert Sampler(Sampling(top_p=1e-6, seed=1)).draw(flat) == Sampler(Sampling(temperature=0)).draw(flat) == 0
    kept = {Sampler(Sampling(top_p=0.01, seed=seed)).draw(flat) for seed in range(300)}
    assert max(kept) == 49  # a hundredth of 5,000 equal tokens: the lowest 50


def test_penalties_count_what_was_said() -> None:
    sampler = Sampler(Sampling(temperature=0, frequency_penalty=0.6, presence_penalty=0.5))
    scores = torch.tensor([2.0, 1.0, 0.0])
    assert [sampler.draw(scores) for _ in range(5)] == [0, 1, 0, 0, 2]
