"""Penalties and filters are those of transformers, processor by processor and on a tiny model."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.generation import logits_process

from engine.workers.serve.batch import Lane
from engine.workers.serve.load import Voice
from engine.workers.serve.questions import Ending, Piece, Question
from engine.workers.serve.sample import Sampler, Sampling

VOCABULARY = 3000
FILTERS = [
    {"top_k": 1},
    {"top_k": 40},
    {"top_k": 10**6},
    {"top_p": 0.9},
    {"top_p": 0.999},
    {"min_p": 0.05},
    {"min_p": 1.0},
    {"top_k": 50, "top_p": 0.8},
    {"top_p": 0.95, "min_p": 0.1},
    {"temperature": 0.3, "top_k": 60, "top_p": 0.9, "min_p": 0.01},
    {"temperature": 2.0, "top_k": 2500, "top_p": 0.97, "min_p": 0.002},
]


def scores_of(seed: int) -> torch.Tensor:
    return torch.randn(VOCABULARY, generator=torch.Generator().manual_seed(seed)) * 3


def warped(scores: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """What transformers' generate makes of scores, as probabilities."""
    processors = [logits_process.TemperatureLogitsWarper(sampling.temperature)]
    processors += [logits_process.TopKLogitsWarper(sampling.top_k)] if sampling.top_k else []
    processors += [logits_process.TopPLogitsWarper(sampling.top_p)] if sampling.top_p < 1 else []
    processors += [logits_process.MinPLogitsWarper(sampling.min_p)] if sampling.min_p else []
    rows = scores[None]
    for processor in processors:
        rows = processor(torch.zeros((1, 1), dtype=torch.long), rows)
    return torch.softmax(rows[0], dim=-1)


@pytest.mark.parametrize("options", FILTERS, ids=str)
def test_filters_keep_the_tokens_of_transformers_with_its_probabilities(options: dict[str, float]) -> None:
    sampling = Sampling(**options)  # type: ignore[arg-type]
    for seed in range(10):
        weights, tokens = Sampler(sampling).candidates(scores_of(seed))
        ours = torch.zeros(VOCABULARY)
        ours[torch.arange(VOCABULARY) if tokens is None else tokens] = weights / weights.sum()
        torch.testing.assert_close(ours, warped(scores_of(seed), sampling), rtol=1e-4, atol=1e-8)
        assert torch.equal(ours > 0, warped(scores_of(seed), sampling) > 0)


def test_repetition_penalty_and_bias_change_scores_as_in_transformers() -> None:
    prompt, bias = [5, 7, 7, 2999], {7: -3.5, 11: 100.0, 0: 0.25}
    for seed in range(10):
        for penalty in (0.5, 1.3, 10.0):
            sampler = Sampler(Sampling(temperature=0, repetition_penalty=penalty, logit_bias=bias), 0, prompt)
            said = [sampler.draw(scores_of(seed)) for _ in range(3)]
            biased = logits_process.SequenceBiasLogitsProcessor({(token,): value for token, value in bias.items()})
            repeated = logits_process.RepetitionPenaltyLogitsProcessor(penalty)
            ids = torch.tensor([prompt + said])
            expected = repeated(ids, biased(ids, scores_of(seed)[None]))[0]
            torch.testing.assert_close(sampler.penalised(scores_of(seed)), expected)


def test_frequency_and_presence_follow_openais_formula() -> None:
    """mu[j] - c[j] * alpha_frequency - float(c[j] > 0) * alpha_presence, of the answer's own tokens."""
    sampler = Sampler(Sampling(temperature=0, frequency_penalty=0.7, presence_penalty=-0.4), 0, [1, 2, 3])
    counts = torch.zeros(VOCABULARY)
    for seed in (1, 1, 1, 2):
        counts[sampler.draw(scores_of(seed))] += 1
    expected = scores_of(3) - counts * 0.7 - (counts > 0) * -0.4
    torch.testing.assert_close(sampler.penalised(scores_of(3)), expected)


def test_drawn_tokens_come_as_often_as_they_are_likely() -> None:
    sampler = Sampler(Sampling(seed=1, top_k=3, temperature=0.5))
    scores = torch.tensor([0.0, 1.0, 0.5, -9.0, 0.7])
    drawn = torch.bincount(torch.tensor([sampler.draw(scores) for _ in range(4000)]), minlength=5) / 4000
    expected = torch.tensor([0.0, *torch.softmax(torch.tensor([2.0, 1.0, 1.4]), 0)])
    torch.testing.assert_close(drawn, expected[[0, 1, 2, 0, 3]], atol=0.03, rtol=0)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Sampling(temperature=0, repetition_penalty=1.7), {"repetition_penalty": 1.7}),
        (Sampling(temperature=0, logit_bias={40: 3.0, 41: -9.0}), {"sequence_bias": [[[40], 3.0], [[41], -9.0]]}),
        (Sampling(top_k=1, repetition_penalty=1.2), {"repetition_penalty": 1.2}),
        (Sampling(min_p=1.0), {}),
    ],
    ids=str,
)
@torch.inference_mode()
def test_an_answer_is_the_one_transformers_generates(
    tiny_model: Path, tokenizer: AutoTokenizer, ours: Sampling, theirs: dict[str, object]
) -> None:
    network = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval()
    prompt, pieces = list(range(30, 60)), list[Piece]()
    voice = Voice(network, None, frozenset())
    lane = Lane(Question(voice, prompt, ours, Ending(20), pieces.append, likeliest=0), tokenizer)
    while lane.rows:
        lane.step()
    said = [score.token for piece in pieces for score in piece.scores]
    generated = network.generate(
        torch.tensor([prompt]), max_new_tokens=20, min_new_tokens=20, do_sample=False, eos_token_id=None, **theirs
    )
    assert said == generated[0, len(prompt) :].tolist()
