"""How many prompts and tokens a tenth of the time suffices for."""

import pytest

from engine.workers.train.answering.time_share import Amount, Speed, fitting, in_words, longest_answer, seconds_left

SPEED = Speed(reading=0.5, writing=0.125)


@pytest.mark.parametrize(
    ("seconds", "amount"),
    [
        (100.0, Amount(3, 64)),  # all of it
        (9.5, Amount(3, 64)),
        (4.0, Amount(3, 20)),  # fewer tokens
        (2.5, Amount(3, 8)),
        (2.25, Amount(2, 10)),  # fewer prompts
        (1.5, Amount(1, 8)),
        (1.4, Amount(0, 0)),  # none
        (-5.0, Amount(0, 0)),
    ],
)
def test_time_buys_tokens_first_and_prompts_last(seconds: float, amount: Amount) -> None:
    assert fitting(3, 64, seconds, SPEED) == amount
    assert SPEED.seconds(amount.prompts, amount.tokens) <= max(seconds, 0) + 1e-9


def test_a_tenth_of_the_time_so_far_may_be_used_and_a_little_in_any_case() -> None:
    assert seconds_left(training=600, answering=20, free=3) == 40
    assert seconds_left(training=10, answering=1, free=3) == 1  # half of it, so that later evaluations have some too
    assert seconds_left(training=10, answering=1, free=3, is_end=True) == 2
    assert seconds_left(training=10, answering=1, free=0) == 0


def test_what_was_left_out_is_said() -> None:
    assert in_words(Amount(3, 64), 3, 64) == ""
    assert "before 64 tokens" in in_words(Amount(3, 12), 3, 64)
    assert "fewer prompts" in in_words(Amount(1, 12), 3, 64)
    assert "no time" in in_words(Amount(0, 0), 3, 64)


def test_a_gpu_writes_longer_answers_than_a_cpu() -> None:
    assert longest_answer("cpu") < longest_answer("cuda:1")
