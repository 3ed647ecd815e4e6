"""How an answer is drawn: what is sent, and what cannot be."""

import pytest

from engine.chat.sampling import Sampling, in_words, seed_of, stops_of
from engine.errors import RefusedError


def test_what_changes_nothing_is_not_sent() -> None:
    assert Sampling(0.5, 64).body() == {"temperature": 0.5, "max_tokens": 64}
    assert Sampling(0, 8, repetition_penalty=1.2).body()["repetition_penalty"] == 1.2
    drawn = Sampling(1.0, 8, top_p=0.9, seed=0, stop=("\n", "END"))
    assert drawn.body() == {"temperature": 1.0, "max_tokens": 8, "top_p": 0.9, "seed": 0, "stop": ["\n", "END"]}


def test_an_answer_of_before_the_penalty_was_kept_has_none_in_its_words() -> None:
    kept = Sampling(0.5, 64, repetition_penalty=1.3).kept()
    assert in_words(kept) == "Temperature 0.5, at most 64 tokens, repetition penalty 1.3"
    del kept["repetition_penalty"]
    assert in_words(kept) == "Temperature 0.5, at most 64 tokens"


@pytest.mark.parametrize(("typed", "seed"), [("", None), ("  ", None), (" 7 ", 7), ("0", 0)])
def test_a_seed_is_read_as_it_was_typed(typed: str, seed: int | None) -> None:
    assert seed_of(typed) == seed


@pytest.mark.parametrize("typed", ["-1", "1.5", "seven", "9" * 40])
def test_a_seed_that_is_none_is_refused_by_what_was_typed(typed: str) -> None:
    with pytest.raises(RefusedError, match=typed[:20]):
        seed_of(typed)


def test_stops_are_lines_and_too_many_or_too_long_ones_are_refused() -> None:
    assert stops_of("END\n\n### \n") == ("END", "### ")
    with pytest.raises(RefusedError, match="5 texts"):
        stops_of("a\nb\nc\nd\ne")
    with pytest.raises(RefusedError, match="201 characters"):
        stops_of("x" * 201)
