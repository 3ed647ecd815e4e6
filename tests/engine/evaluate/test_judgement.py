"""The verdict of a report: one measure decides, the others may add where it got worse, and the words say so."""

from collections.abc import Sequence

import numpy as np
import pytest

from engine.evaluate import judgement
from engine.evaluate.measures import measures
from engine.evaluate.statistics.compare import compare
from engine.evaluate.statistics.difference import Difference

ROWS = 40


def shifted(name: str, by: float, rows: int = ROWS) -> Difference:
    """A measure that moved by about so much, with noise of 1."""
    noise = np.random.default_rng(len(name)).normal(0, 1, rows)
    base = np.full(rows, 5.0)
    measure = measures.look_up(name)
    return compare(base, base + by + noise - noise.mean(), binary=False, better=measure.better, resamples=1999)


def right(base: Sequence[int], tuned: Sequence[int]) -> Difference:
    return compare(base, tuned, binary=True, better="higher")


def test_the_lessons_report_in_a_sentence() -> None:
    found = right([0] * 18 + [1] * 2, [1] * 19 + [0])
    assert judgement.sentence("number_match", found) == (
        "Better. Right number went from 10 % to 95 % on 20 rows. "
        "The true difference is between +48 points and +96 points, with 95 % confidence."
    )


def test_no_proof_says_what_it_may_be_and_how_many_rows_would_decide() -> None:
    found = right([0] * 20 + [1] * 20, [1] * 7 + [0] * 13 + [1] * 16 + [0] * 4)
    words = judgement.sentence("exact_match", found)
    assert words.startswith("No proof. Exact match went from 50 % to 57 % on 40 rows, which may be chance: the true ")
    assert " more rows would be needed to decide a difference of this size." in words


def test_too_few_rows_or_conversations_are_said_to_be_too_few() -> None:
    assert judgement.sentence("exact_match", right([0] * 12, [1] * 12)) == (
        "No proof. Exact match went from 0 % to 100 % on 12 rows: too few to tell, at least 20 are needed."
    )
    talks = compare([0] * 60, [1] * 60, [n // 6 for n in range(60)], binary=True, better="higher", resamples=999)
    assert "on 60 rows in 10 independent groups: too few" in judgement.sentence("exact_match", talks)
    assert judgement.sentence("exact_match", right([], [])) == "No proof. No row could be measured."
    one = judgement.sentence("nll", compare([1.0], [0.5], binary=False, better="lower"))
    assert one == (
        "No proof. Loss of the answers went from 1.000 to 0.500 on 1 row: too few to tell, at least 20 are needed."
    )


def test_the_primary_measure_decides_alone_and_the_others_may_add_where_it_got_worse() -> None:
    found = {
        "exact_match": right([0] * 30, [1] * 25 + [0] * 5),
        "rouge_l": shifted("rouge_l", -3),
        "chrf": shifted("chrf", 0.1),
    }
    said = judgement.judge("exact_match", found)
    assert said.verdict == "better"
    assert said.but_worse == ["rouge_l"]
    assert said.sentence.endswith("But worse at: ROUGE-L.")
    assert said.verdicts == {"exact_match": "better", "rouge_l": "worse", "chrf": "no_proof"}
    assert judgement.judge("chrf", found).verdict == "no_proof"


def test_one_of_many_measures_that_is_down_by_chance_adds_nothing() -> None:
    """Alone it would count (p between 0.01 and 0.05); among eight it does not."""
    names = ["rouge_l", "chrf", "bleu", "token_f1", "character_overlap", "repetition", "reward"]
    found = {name: shifted(name, 0.0) for name in names} | {"nll": shifted("nll", 0.41)}
    assert 0.01 < found["nll"].p < 0.05
    assert found["nll"].verdict == "worse"
    said = judgement.judge("exact_match", found | {"exact_match": right([0] * 30, [1] * 30)})
    assert (said.but_worse, said.verdicts["nll"]) == ([], "no_proof")


def test_perplexity_follows_the_loss_and_length_has_no_verdict() -> None:
    loss = shifted("nll", -3)
    found = {"exact_match": right([0] * 30, [1] * 30), "nll": loss, "perplexity": shifted("nll", 2)}
    said = judgement.judge("exact_match", found | {"length": shifted("length", 9)})
    assert (said.verdicts["perplexity"], said.verdicts["length"]) == ("better", None)
    assert said.but_worse == []


@pytest.mark.parametrize(
    ("name", "value", "shown", "change"),
    [
        ("exact_match", 0.955, "96 %", "+96 points"),
        ("chrf", 41.26, "41.3", "+41.3"),
        ("nll", 1.23456, "1.235", "+1.235"),
        ("length", 120.4, "120", "+120"),
        ("reward:code", 0.5, "0.50", "+0.50"),
    ],
)
def test_numbers_are_shown_as_their_measure_wants(name: str, value: float, shown: str, change: str) -> None:
    measure = measures.look_up(name)
    assert (judgement.shown(measure, value), judgement.change(measure, value)) == (shown, change)
