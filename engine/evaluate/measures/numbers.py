"""The last number of an answer, however it is written: 1,234.5 or ４２ or 3만 5천 or 스물셋."""

import re
import unicodedata
from decimal import Decimal, DecimalException

from engine.evaluate.measures import text

_UNITS = {"십": 10, "백": 100, "천": 1000, "만": 10**4, "억": 10**8, "조": 10**12}
_LARGE = 10**4
_SINO = {sign: value for value, sign in enumerate("영일이삼사오육칠팔구")} | {"공": 0}
_TENS = dict(zip(("열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔"), range(10, 100, 10), strict=True))
_ONES = {"하나": 1, "둘": 2, "셋": 3, "넷": 4, "다섯": 5, "여섯": 6, "일곱": 7, "여덟": 8, "아홉": 9}
_BEFORE_COUNTER = {"한": 1, "두": 2, "세": 3, "네": 4, "스무": 20}

_PLAIN = r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?"
_DIGITS = re.compile(
    rf"(?<![\w.])(?P<sign>[-+\u2212]?)(?P<number>{_PLAIN})(?:[eE](?P<power>[-+]?\d{{1,3}})(?!\w)|(?P<units>[십백천만억조]+)"
    rf"(?P<rest>(?:\s?\d+[십백천만억조]*)*)|\s?/\s?(?P<below>{_PLAIN})(?![\d/]))?"
)
_WITH_UNITS = re.compile(r"(\d[\d,.]*)([십백천만억조]*)")
# What may follow a number that is written in words.
_ENDS = r"(?=[^가-힣]|$|입니|이다|이에|이야|예요|원|개|명|번|점|년|월|살|마리|권|시간|분)"
_SINO_RUN = re.compile(r"(?<![가-힣])[영공일이삼사오육칠팔구십백천만억조]{2,}" + _ENDS)
_NATIVE = re.compile(
    rf"(?<![가-힣])({'|'.join(_TENS)}|스무)?({'|'.join([*_ONES, *_BEFORE_COUNTER])})?" + _ENDS,
)
_LONGEST_NUMBER = 60  # characters; longer runs of digits are compared by their first ones


def last_number(answer: str) -> Decimal | None:
    """The last number in a text; words count only where it has no digits. None where there is none."""
    numbers = every(answer)
    return numbers[-1] if numbers else None


def every(answer: str) -> list[Decimal]:
    """All numbers of a text, in order; those in Korean words only where there are no digits."""
    plain = unicodedata.normalize("NFKC", answer[: text.LONGEST])
    values = [_value(match) for match in _DIGITS.finditer(plain)]
    return [value for value in values if value is not None] or _in_words(plain)


def same(answer: str, expected: str) -> float | None:
    """1 when the last numbers are equal. None when nothing is to be compared: no number is expected."""
    right = last_number(expected)
    return None if right is None else float(last_number(answer) == right)


def ends_in_number(expected: str) -> bool:
    """Whether the last word of a text is a number, as in an answer to a sum."""
    tail = unicodedata.normalize("NFKC", text.final(expected)[-40:]).strip(text.EDGES + "$%")
    last_words = tail.split()[-1:] or [""]
    return any(character.isdigit() for character in last_words[0])


def _value(match: re.Match[str]) -> Decimal | None:
    try:
        number = _decimal(match["number"])
        if match["units"]:
            number = _with_units(match["number"] + match["units"] + (match["rest"] or ""))
        elif match["power"]:
            number = number.scaleb(int(match["power"]))
        elif match["below"]:
            number = number / _decimal(match["below"])
        return -number if match["sign"] in ("-", "\u2212") and match["sign"] else number.copy_abs()
    except (DecimalException, ValueError):
        return None


def _decimal(digits: str) -> Decimal:
    return Decimal(digits.replace(",", "")[:_LONGEST_NUMBER])


def _with_units(digits: str) -> Decimal:
    """3만 5천 200: each number times its units, those below 만 gathered before it."""
    total = section = Decimal(0)
    for number, units in _WITH_UNITS.findall(digits):
        value, large = _decimal(number.rstrip(".,")), Decimal(1)
        for unit in units:
            if _UNITS[unit] < _LARGE:
                value *= _UNITS[unit]
            else:
                large *= _UNITS[unit]
        section += value
        if large > 1:
            total, section = total + section * large, Decimal(0)
    return total + section


def _in_words(plain: str) -> list[Decimal]:
    places = {match.start(): _sino(match[0]) for match in _SINO_RUN.finditer(plain)}
    places |= {match.start(): _native(match) for match in _NATIVE.finditer(plain) if match[0]}
    return [places[place] for place in sorted(places)]


def _sino(signs: str) -> Decimal:
    total = section = digit = 0
    for sign in signs[:_LONGEST_NUMBER]:
        unit = _UNITS.get(sign)
        if unit is None:
            digit = digit * 10 + _SINO[sign]
        elif unit < _LARGE:
            section, digit = section + (digit or 1) * unit, 0
        else:
            total, section, digit = total + (section + digit or 1) * unit, 0, 0
    return Decimal(total + section + digit)


def _native(match: re.Match[str]) -> Decimal:
    tens = 20 if match[1] == "스무" else _TENS.get(match[1] or "", 0)
    return Decimal(tens + ({**_ONES, **_BEFORE_COUNTER}.get(match[2] or "", 0)))
