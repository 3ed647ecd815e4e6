"""The rules that end a training: they find what is wrong, and nothing where there is only noise."""

import math
import random
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from engine.runs.doctor.curve_rules import WINDOW, Divergence, Overfitting, Zeros

Noise = Callable[[random.Random], float]
NOISES: dict[str, Noise] = {
    "none": lambda _: 0.0,
    "gaussian": lambda dice: dice.gauss(0, 0.3),
    "wild": lambda dice: dice.gauss(0, 1.0),
    "heavy": lambda dice: dice.lognormvariate(0, 1) - 1,
    "spikes": lambda dice: 20.0 if dice.random() < 0.05 else dice.gauss(0, 0.2),
    "two kinds of rows": lambda dice: 2.5 if dice.random() < 0.3 else 0.0,
}


def first_divergence(curve: Iterable[float]) -> int | None:
    """The step at which the curve is found to diverge."""
    rule = Divergence()
    return next((step for step, loss in enumerate(curve, 1) if rule(step, loss)), None)


def falling(step: int, start: float, end: float, tau: float) -> float:
    return end + (start - end) * math.exp(-step / tau)


@pytest.mark.parametrize("noise", NOISES)
@settings(max_examples=60, deadline=None)
@given(
    seed=some.integers(0, 10**6),
    start=some.floats(0.3, 12),
    share=some.floats(0.02, 1.1),
    tau=some.floats(2, 600),
    steps=some.sampled_from((200, 1500)),
)
def test_a_curve_that_falls_or_stays_under_any_noise_is_left_alone(
    noise: str, seed: int, start: float, share: float, tau: float, steps: int
) -> None:
    dice = random.Random(seed)
    curve = (max(0.0, falling(step, start, start * share, tau) + NOISES[noise](dice)) for step in range(steps))
    assert first_divergence(curve) is None


@pytest.mark.parametrize("scale", [0.69, 25.0])
def test_losses_of_preferences_with_steps_at_every_epoch_are_left_alone(scale: float) -> None:
    dice = random.Random(7)
    curve = [max(0.0, scale * 0.5 ** (step // 100) * dice.lognormvariate(0, 0.7)) for step in range(800)]
    assert first_divergence(curve) is None


def test_a_spike_that_passes_is_left_alone() -> None:
    dice = random.Random(1)
    curve = [falling(n, 2.5, 1.2, 80) + dice.gauss(0, 0.2) + (9 if 300 < n < 330 else 0) for n in range(600)]
    assert first_divergence(curve) is None


@settings(max_examples=60, deadline=None)
@given(
    seed=some.integers(0, 10**6),
    at=some.integers(3, 700),
    start=some.floats(0.4, 3.0),
    top=some.floats(9.0, 40.0),
    noise=some.floats(0.0, 0.5),
)
def test_a_curve_that_jumps_up_for_good_is_found_within_a_window(
    seed: int, at: int, start: float, top: float, noise: float
) -> None:
    dice = random.Random(seed)

    def loss(step: int) -> float:
        return (falling(step, start, start / 2, 100) if step <= at else top) + dice.gauss(0, noise)

    step_found = first_divergence(loss(step) for step in range(1, 1200))
    assert step_found
    assert at < step_found <= max(at, 3) + WINDOW


def test_a_slow_climb_far_above_the_best_is_found() -> None:
    dice = random.Random(3)
    step_found = first_divergence(1.0 + abs(step - 200) / 100 + dice.gauss(0, 0.1) for step in range(1500))
    assert step_found
    assert step_found < 900


def test_what_is_found_says_where_it_was_good_and_what_it_is_now() -> None:
    rule = Divergence()
    [finding] = [
        point
        for step in range(1, 54 + 1)
        if (point := rule(step, 1.0 if step < 4 else 8.0 + step / 1000)) and step == 53
    ]
    assert (finding.before, round(finding.now)) == (1.0, 8)


def test_zeros_are_told_once_and_after_what() -> None:
    rule = Zeros(at_least=5)
    findings = [rule(step, 0.5 if step < 10 else 0.0) for step in range(40)]
    [finding] = [entry for entry in findings if entry]
    assert (finding.since, findings.index(finding), rule.was_something) == (10, 14, True)
    rule = Zeros(at_least=5)
    assert [step for step in range(20) if rule(step, 1e-9 if step % 4 else 0.1)] == []
    assert [step for step in range(20, 40) if rule(step, 0.0)] == [21]


def test_rows_learnt_by_heart_are_told_once_with_the_best_step() -> None:
    rule = Overfitting()
    findings = []
    for step in range(10, 110, 10):
        for _ in range(10):
            rule.learnt(2.0 - step / 60)
        findings.append(rule(step, 1.5 + abs(step - 30) / 100))
    [finding] = [entry for entry in findings if entry]
    held_out, training = finding
    assert (held_out.since, held_out.before) == (30, 1.5)
    assert held_out.now > 1.5
    assert training.now < training.before


def test_a_held_out_loss_that_wobbles_or_rises_with_the_training_loss_is_no_overfitting() -> None:
    dice = random.Random(5)
    rule = Overfitting()
    for step in range(200):
        rule.learnt(2.0 - step / 100)
        assert rule(step, 1.5 + dice.gauss(0, 0.02)) is None
    rule = Overfitting()
    for step in range(50):
        rule.learnt(1.0 + step / 10)
        assert rule(step, 1.5 + step / 10) is None
