"""Whether to go on still pays."""

from collections.abc import Sequence

from engine.sweeps.noise import pays
from engine.sweeps.study import Trial

REPEATS = [
    Trial(number=100 + place, state="complete", params={}, phase="repeat", of=0, values=(value,))
    for place, value in enumerate((1.0, 1.1, 1.2))  # s = 0.1: noise is 2 * sqrt(2) * 0.1 = 0.283
]


def searched(values: Sequence[float | None]) -> list[Trial]:
    return [
        Trial(number=n, state="pruned" if value is None else "complete", params={}, values=value and (value,))
        for n, value in enumerate(values)
    ]


def test_without_repeats_any_gain_pays_and_none_does_not() -> None:
    assert pays(searched([2.0, 1.9, 1.95, 1.94, 1.899]), "minimize", 3)
    assert not pays(searched([2.0, 1.9, 1.95, 1.94, 1.9]), "minimize", 3)
    assert not pays(searched([0.5, 0.6, 0.4, 0.2, 0.6]), "maximize", 3)


def test_a_gain_within_the_noise_of_repeats_does_not_pay() -> None:
    assert not pays([*searched([2.0, 1.9, 1.8, 1.75, 1.7]), *REPEATS], "minimize", 3)
    assert pays([*searched([2.0, 1.9, 1.8, 1.75, 1.6]), *REPEATS], "minimize", 3)


def test_many_small_gains_add_up() -> None:
    assert pays([*searched([2.0, 1.9, 1.8, 1.7, 1.6]), *REPEATS], "minimize", 3)


def test_pruned_trials_brought_nothing_and_failed_ones_say_nothing() -> None:
    assert not pays(searched([2.0, None, None, None]), "minimize", 3)
    failed = [Trial(number=n, state="failed", params={}) for n in range(5, 15)]
    assert pays([*searched([2.0, 1.9]), *failed], "minimize", 3)


def test_too_few_trials_or_no_patience_go_on() -> None:
    assert pays(searched([2.0, 2.0, 2.0]), "minimize", 3)
    assert pays(searched([2.0] * 50), "minimize", None)
