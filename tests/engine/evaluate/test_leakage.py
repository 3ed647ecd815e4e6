"""Held-out rows that were learnt, word for word or nearly."""

import random
import tracemalloc

from engine.evaluate.leakage import leaks

_CHANCE = random.Random(0)
WORDS = [f"word{number}" for number in range(500)]


def text(length: int = 40) -> str:
    return " ".join(_CHANCE.choices(WORDS, k=length))


def test_a_text_that_was_learnt_is_found_whatever_its_case_and_punctuation() -> None:
    learnt = [text() for _ in range(300)]
    held = [text(), learnt[2].upper() + "!!", text(), learnt[299].replace(" ", "\n")]
    found = leaks(learnt, held)
    assert (found.exact, found.near, found.checked) == ([1, 3], [], 4)


def test_a_text_with_a_word_changed_is_near_and_one_half_changed_is_not() -> None:
    learnt = [text() for _ in range(50)]
    words = learnt[7].split()
    held = [" ".join([*words[:20], "other", *words[21:]]), " ".join([*words[:20], *text(20).split()])]
    found = leaks(learnt, held)
    assert (found.exact, found.near) == ([], [0])


def test_short_questions_that_differ_in_a_number_are_not_leaks() -> None:
    learnt = [f"What is {a} plus {b}?\n{a} plus {b} equals {a + b}." for a in range(30) for b in range(30) if a != 17]
    found = leaks(learnt, ["What is 17 plus 6?\n17 plus 6 equals 23.", "What is 5 plus 6?\n5 plus 6 equals 11."])
    assert (found.exact, found.near) == ([1], [])


def test_korean_and_chinese_are_compared_too() -> None:
    korean = "오늘은 아침부터 비가 내려서 우산을 챙겨 학교에 갔다. 수업이 끝나고 친구와 도서관에서 책을 읽었다"
    chinese = "今天早上下雨所以我带着伞去学校下课以后和朋友一起在图书馆看书晚上才回家吃饭然后很早就睡觉了"
    learnt = [korean, chinese, text()]
    assert leaks(learnt, [korean + "!", chinese[:-1] + "吗", "오늘은 맑다"]).exact == [0]
    assert leaks(learnt, [chinese[:-1] + "吗"]).near == [0]


def test_texts_without_a_word_leak_nothing_and_none_at_all_is_no_error() -> None:
    assert leaks(["", "!!!", "\ud800"], ["", "!!!", "..."]).exact == []
    assert leaks([], [text()]).checked == 1
    assert leaks([text()], []).checked == 0


def test_learnt_rows_are_a_stream_that_is_never_held() -> None:
    def peak(texts: int) -> int:
        stream = (f"row {number} " + "long text " * 1000 for number in range(texts))
        tracemalloc.start()
        assert leaks(stream, held).exact == []
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    held = [text() for _ in range(200)]
    assert peak(600) < 1.2 * peak(200)
