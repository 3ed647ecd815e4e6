"""Two texts compared word by word."""

import pytest

from engine.rows import word_changes
from engine.rows.word_changes import MOST_WORDS, Piece

TEXTS = [
    "",
    "17 plus 6 equals 23.",
    "17 plus 6\n\n  equals 9. ",
    "  17\tplus 6 equals 23",
    "서울은 한국의 수도입니다.",
    "서울은 일본의 수도가 아닙니다.",
    "東京は日本の首都です",
    "東京は韓国の首都です",
    "\u202eabc\0 <b>${x}</b>",
    "word " * (MOST_WORDS + 1),
]


@pytest.mark.parametrize("before", TEXTS)
@pytest.mark.parametrize("after", TEXTS)
def test_the_pieces_make_both_texts_again(before: str, after: str) -> None:
    pieces = word_changes.compare(before, after)
    assert "".join(piece.text for piece in pieces if piece.kind != "added") == before
    assert "".join(piece.text for piece in pieces if piece.kind != "removed") == after


def test_only_the_words_that_differ_are_told_apart() -> None:
    assert word_changes.compare("17 plus 6 equals 9.", "17 plus 6 equals 23.") == [
        Piece("same", "17 plus 6 equals "),
        Piece("removed", "9"),
        Piece("added", "23"),
        Piece("same", "."),
    ]


def test_where_words_have_no_spaces_between_them_each_character_counts() -> None:
    assert word_changes.compare("東京は日本の首都です", "東京は韓国の首都です") == [
        Piece("same", "東京は"),
        Piece("removed", "日本"),
        Piece("added", "韓国"),
        Piece("same", "の首都です"),
    ]


def test_answers_that_repeat_themselves_without_end_take_no_time() -> None:
    before, after = "knock " * 500 + "who", "knock there " * 250 + "who"
    assert [piece.kind for piece in word_changes.compare(before, after)] == ["same", "removed", "added", "same"]


def test_texts_of_very_many_words_are_not_looked_into() -> None:
    pieces = word_changes.compare("a" + " a" * 5000, "b" + " b" * 5000)
    assert [piece.kind for piece in pieces] == ["removed", "added"]
