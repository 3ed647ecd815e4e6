"""Differences between two models: known values, what agrees with what, and how often equals are told apart."""

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.evaluate.statistics import difference, right_or_wrong
from engine.evaluate.statistics.compare import compare
from engine.evaluate.statistics.difference import Better, Difference
from tests.bench import verdicts

CHEAP = 999  # resamples


def of_counts(both: int, gained: int, lost: int, neither: int) -> Difference:
    base = [1] * both + [0] * gained + [1] * lost + [0] * neither
    tuned = [1] * both + [1] * gained + [0] * lost + [0] * neither
    return compare(base, tuned, binary=True, better="higher")


@pytest.mark.parametrize(
    ("gained", "lost", "p"), [(9, 1, 0.021484375), (5, 0, 0.0625), (6, 0, 0.03125), (12, 5, 0.1434631)]
)
def test_right_or_wrong_is_decided_by_mcnemars_exact_test(gained: int, lost: int, p: float) -> None:
    """The values are those of scipy.stats.binomtest."""
    found = of_counts(10, gained, lost, 10)
    assert found.p == pytest.approx(p, abs=1e-7)
    assert found.verdict == ("better" if p <= 0.05 else "no_proof")
    assert of_counts(10, lost, gained, 10).verdict == ("worse" if p <= 0.05 else "no_proof")


def test_the_exact_test_of_many_rows_is_the_sum_of_whole_numbers() -> None:
    for gained, lost in ((300, 240), (70, 30), (512, 488)):
        changed, fewer = gained + lost, min(gained, lost)
        whole = sum(math.comb(changed, number) for number in range(fewer + 1))
        assert right_or_wrong.mcnemar(gained, lost) == pytest.approx(min(1, 2 * whole / 2**changed), rel=1e-9)


def test_tangos_interval_ends_where_the_likelihoods_score_test_does() -> None:
    """Newcombe's table of paired differences (1998): 12 gained, 2 lost, of 50."""
    low, high = right_or_wrong.tango(12, 2, 50)
    assert [low, high] == pytest.approx([0.0611, 0.3447], abs=5e-5)
    for end in (low, high):  # the score at the ends, with the likeliest shares found by trying them all
        lost_share = np.linspace(max(0.0, -end) + 1e-9, (1 - end) / 2 - 1e-9, 400_001)
        gained_share = lost_share + end
        likelihood = 12 * np.log(gained_share) + 2 * np.log(lost_share) + 36 * np.log1p(-gained_share - lost_share)
        best = lost_share[likelihood.argmax()]
        score = (10 - 50 * end) / math.sqrt(50 * (2 * best + end * (1 - end)))
        assert abs(score) == pytest.approx(1.96, abs=2e-3)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 60))
@settings(max_examples=150, deadline=None)
def test_the_interval_of_right_or_wrong_agrees_with_the_exact_test(gained: int, lost: int, same: int) -> None:
    rows = gained + lost + same
    if not rows:
        return
    found = right_or_wrong.interval(gained, lost, rows)
    assert (found.p <= 0.05) == (not found.low <= 0 <= found.high)
    assert -1 - 1e-9 <= found.low <= (gained - lost) / rows <= found.high <= 1 + 1e-9


def test_no_row_that_changed_is_no_proof_that_nothing_can() -> None:
    found = of_counts(10, 0, 0, 10)
    assert (found.difference, found.verdict) == (0, "no_proof")
    assert found.low is not None
    assert found.low < -0.1
    one_cluster_a_row = compare([1, 0] * 15, [1, 0] * 15, [n // 2 for n in range(30)], binary=True, better="higher")
    assert one_cluster_a_row.high is not None
    assert one_cluster_a_row.high > 0.1


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.integers(0, 30)), min_size=1, max_size=60))
@settings(max_examples=40, deadline=None)
def test_any_interval_holds_its_difference_and_agrees_with_its_p(rows: list[tuple[float, float, int]]) -> None:
    base, tuned, clusters = (list(column) for column in zip(*rows, strict=True))
    found = compare(base, tuned, clusters, binary=False, better="lower", resamples=CHEAP)
    assert found.difference == pytest.approx(np.mean(tuned) - np.mean(base), abs=1e-9)
    if found.low is None or found.high is None or found.difference is None:
        assert found.clusters == 1
        return
    assert found.low - 1e-9 <= found.difference <= found.high + 1e-9
    assert (found.p <= 0.05) == (not found.low <= 0 <= found.high)
    assert (found.verdict == "no_proof") == (found.clusters < 20 or found.p > 0.05)


SIMULATED: list[tuple[str, int, float]] = [(name, rows, 0.93) for name in verdicts.EQUALS for rows in (20, 40)]


@pytest.mark.parametrize(("kind", "rows", "least"), SIMULATED)
def test_equals_are_seldom_told_apart(kind: str, rows: int, least: float) -> None:
    """A few of the comparisons of tests/bench/verdicts.py; by chance alone, 400 of them vary by two points."""
    found = verdicts.simulated(verdicts.EQUALS[kind], rows, 400, 499)
    assert found.wrong <= 0.08
    assert found.covered >= least - 0.02


@pytest.mark.parametrize("kind", verdicts.UNEQUALS)
def test_the_interval_holds_differences_that_are_not_zero(kind: str) -> None:
    assert verdicts.simulated(verdicts.UNEQUALS[kind], 40, 400, 499).covered >= 0.91


def test_rows_of_one_conversation_are_drawn_together() -> None:
    generator = np.random.default_rng(5)
    clusters = np.repeat(np.arange(25), 8)
    tuned = generator.normal(0, 1, 25)[clusters] + 0.2  # all rows of a conversation say the same
    together = compare(np.zeros(200), tuned, clusters.tolist(), binary=False, better="higher", resamples=CHEAP)
    alone = compare(np.zeros(200), tuned, binary=False, better="higher", resamples=CHEAP)
    assert together.spread == pytest.approx(math.sqrt(8 * 199 / 200 * 25 / 24) * (alone.spread or 0), rel=1e-2)
    assert (together.rows, together.clusters, alone.clusters) == (200, 25, 200)


def test_the_same_seed_gives_the_same_numbers() -> None:
    generator = np.random.default_rng(1)
    base, tuned = generator.normal(0, 1, 50), generator.normal(0.2, 1, 50)
    first, again, other = (
        compare(base, tuned, binary=False, better="higher", seed=seed, resamples=CHEAP) for seed in (3, 3, 4)
    )
    assert first == again
    assert first.low != other.low


def test_nineteen_rows_prove_nothing_and_twenty_may() -> None:
    assert of_counts(0, 19, 0, 0).verdict == "no_proof"
    assert of_counts(0, 19, 0, 0).too_few
    assert of_counts(0, 20, 0, 0).verdict == "better"
    few_talks = compare(
        [0] * 100, [1] * 100, [n // 10 for n in range(100)], binary=True, better="higher", resamples=CHEAP
    )
    assert few_talks.verdict == "no_proof"


def test_one_row_and_no_row_have_no_interval_and_no_error() -> None:
    one = compare([1.0], [2.0], binary=False, better="higher")
    assert (one.difference, one.low, one.high, one.verdict) == (1.0, None, None, "no_proof")
    none = compare([], [], binary=True, better="higher")
    assert (none.difference, none.rows, none.verdict) == (None, 0, "no_proof")
    unmeasured = compare([None, math.nan], [1.0, math.inf], binary=False, better="higher")
    assert (unmeasured.rows, unmeasured.left_out) == (0, 2)


def test_rows_without_a_number_on_one_side_are_left_out_of_both() -> None:
    found = compare([1.0, None, 3.0], [2.0, 9.0, math.nan], binary=False, better="higher")
    assert (found.base, found.tuned, found.rows, found.left_out) == (1.0, 2.0, 1, 2)


def test_lower_is_better_where_it_is_and_length_has_no_verdict() -> None:
    base, tuned = [2.0 + n / 100 for n in range(30)], [1.0 + n / 90 for n in range(30)]

    def verdict_of(better: Better) -> str | None:
        return compare(base, tuned, binary=False, better=better, resamples=CHEAP).verdict

    assert [verdict_of("lower"), verdict_of("higher"), verdict_of("neither")] == ["better", "worse", None]


def test_holm_multiplies_the_smallest_most_and_never_lets_one_fall() -> None:
    """The example of R's p.adjust."""
    adjusted = difference.holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert adjusted == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})
    assert difference.holm({}) == {}


def test_rows_to_decide_grows_with_the_square_and_ends_where_nothing_differs() -> None:
    """60 gained and 40 lost of 1,000 is 2.8 / 2 squared times nearer to a proof than a quarter of the rows."""
    found = of_counts(100, 8, 4, 88)
    rows = difference.rows_to_decide(found)
    assert rows is not None
    # Connor 1987, without his small correction: (1.96 + 0.84)^2 * (share - difference^2) / difference^2
    assert rows == pytest.approx(7.849 * (0.06 - 0.02**2) / 0.02**2, rel=0.02)
    assert difference.rows_to_decide(of_counts(10, 0, 0, 10)) is None
    assert difference.rows_to_decide(of_counts(0, 20, 0, 0)) is None
    assert (difference.rows_to_decide(of_counts(0, 5, 0, 0)) or 0) >= 20 or of_counts(0, 5, 0, 0).spread == 0


def test_perplexity_is_the_loss_in_other_words() -> None:
    base, tuned = [2.0 + n / 100 for n in range(40)], [1.8 + n / 90 for n in range(40)]
    loss = compare(base, tuned, binary=False, better="lower", resamples=CHEAP)
    perplexity = difference.as_perplexity(loss)
    assert perplexity.base == pytest.approx(math.exp(np.mean(base)))
    assert perplexity.tuned == pytest.approx(math.exp(np.mean(tuned)))
    assert perplexity.low is not None
    assert perplexity.high is not None
    assert perplexity.difference is not None
    assert perplexity.low <= perplexity.difference <= perplexity.high
    assert perplexity.verdict == loss.verdict


def test_ten_thousand_rows_take_no_more_memory_than_a_part_of_them() -> None:
    base = np.zeros(10_000)
    tuned = np.random.default_rng(0).normal(0, 1, 10_000)
    tracemalloc.start()
    compare(base, tuned, binary=False, better="higher", resamples=99)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30_000_000
