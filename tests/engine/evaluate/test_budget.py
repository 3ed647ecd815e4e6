"""How many rows a report asks is decided by sizes, the same each time."""

from engine.evaluate import budget


def test_answers_may_be_longer_than_nearly_all_expected_ones() -> None:
    assert budget.longest_answer([4] * 99 + [4000]) == budget.SHORTEST
    assert budget.longest_answer([100] * 20) == 166
    assert budget.longest_answer([5000] * 20) == budget.LONGEST
    assert budget.longest_answer([]) == budget.LONGEST


def test_large_models_on_slow_devices_are_asked_fewer_rows_but_never_too_few_for_a_proof() -> None:
    small, large = 135_000_000, 7_000_000_000
    assert budget.rows_for(1000, 48, small, on_cpu=True) == budget.MOST
    assert budget.rows_for(1000, 512, large, on_cpu=True) == budget.FEWEST
    assert budget.rows_for(30, 512, large, on_cpu=True) == 30
    assert budget.rows_for(1000, 512, large, on_cpu=False) == 104
    assert budget.rows_for(1000, 512, None, on_cpu=False) == budget.MOST


def test_the_time_is_said_before() -> None:
    assert budget.seconds_for(500, 48, 135_000_000, on_cpu=True) == 150
    assert budget.seconds_for(0, 48, None, on_cpu=True) == budget.START_SECONDS
