"""The encodings a text may be in: their names, and which one it is by its letters.

UTF-8, UTF-16 and UTF-32 tell themselves (`engine.rows.readers.unicode`). Of the older ones almost any is possible for
the same bytes; `readings` puts them into order by how well the letters, and where they stand, fit a language.
"""

import codecs
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.errors import RefusedError
from engine.rows.readers import letters
from engine.rows.readers.letters import Weights

REPLACEMENT = "\ufffd"
# Logarithms of chances, as the weights of letters are: of a letter of ASCII, of what no text has, of bytes that are
# no letter at all, and of letters where no language puts them.
ASCII, RARE, BROKEN = -3.2, -12.5, -18.0
AFTER_ANOTHER, CAPITAL_INSIDE, CAPITAL_FIRST, CAPITAL_NEXT, OTHER_SCRIPT = -2.5, -6.0, -2.0, -0.5, -5.0
IN_A_WORD, _IN_A_WORD = -3.0, re.compile(r"[^\x00-\x7f][a-z]")
MOST_BYTES = 4096  # of a sample that are looked at; what speaks for one encoding is clear after some hundred


class Language(NamedTuple):
    """The letters of a language; `others`: the weight of any other letter between `first` and `last`."""

    name: str
    weights: Weights
    first: str = ""
    last: str = ""
    others: float = RARE

    def weight(self, letter: str) -> float:
        """What it says for this language that the letter is in the text."""
        if letter == REPLACEMENT:
            return BROKEN
        return self.weights.get(letter, self.others if self.first <= letter <= self.last else RARE)


@dataclass(frozen=True)
class Encoding:
    """One encoding: the name Python has for it, what people call it, and the languages that are written in it.

    `usual`: how much more (less) often than the others it comes, as a logarithm. The first users write Korean.
    """

    name: str
    label: str
    context: Callable[[str], float]  # what the places of its letters say
    languages: tuple[Language, ...]
    usual: float = 0.0


class Reading(NamedTuple):
    """A sample read in one encoding. `score`: the logarithm of how likely such a text is; `known`: the share of its
    letters beyond ASCII that belong to the language that fits best."""

    encoding: str
    text: str
    score: float
    known: float


def _eastern(text: str) -> float:
    """A word of ours does not go on behind such a letter: of "Größe" it would have to."""
    return IN_A_WORD * len(_IN_A_WORD.findall(text))


def _latin(text: str) -> float:
    """Accented letters stand alone between plain ones, and capitals begin words or fill them."""
    total, before = 0.0, ""
    for letter in text:
        if letter > "\x7f":
            total += (AFTER_ANOTHER if before > "\x7f" else 0.0) + _capital(letter, before)
        before = letter
    return total


def _script(text: str) -> float:
    """Letters of another alphabet do not touch letters of ours, and capitals begin words or fill them."""
    total, before = 0.0, ""
    for letter in text:
        if (letter > "\x7f") != (before > "\x7f") and letter.isalpha() and before.isalpha():
            total += OTHER_SCRIPT
        if letter > "\x7f":
            total += _capital(letter, before)
        before = letter
    return total


def _capital(letter: str, before: str) -> float:
    if not letter.isupper():
        return 0.0
    return CAPITAL_NEXT if before.isupper() else CAPITAL_INSIDE if before.islower() else CAPITAL_FIRST


def _of(alphabets: dict[str, str]) -> tuple[Language, ...]:
    return tuple(Language(name, letters.ranked(alphabet)) for name, alphabet in alphabets.items())


def _chinese(name: str, common: str) -> tuple[Language, ...]:
    return (Language(name, letters.groups((common, 0.72), (letters.EASTERN_MARKS, 0.08)), "一", "鿿", -10.4),)


_KOREAN = (
    Language("Korean", letters.groups((letters.HANGUL, 0.82), (letters.EASTERN_MARKS, 0.05)), "가", "힣", -10.1),
)
_KANA = letters.groups(
    (letters.HIRAGANA, 0.45), (letters.KATAKANA, 0.15), (letters.KANJI, 0.22), (letters.EASTERN_MARKS, 0.08)
)
_JAPANESE = (Language("Japanese", _KANA, "一", "鿿", -11.1),)
_SIMPLE, _TRADITIONAL = _chinese("Chinese", letters.SIMPLE), _chinese("Chinese", letters.TRADITIONAL)
_CYRILLIC, _WESTERN, _CENTRAL = _of(letters.CYRILLIC), _of(letters.WESTERN), _of(letters.CENTRAL)

# The usual one first: of two that read the same text, the first is named.
OLD = (
    Encoding("cp949", "Korean (CP949, EUC-KR)", _eastern, _KOREAN, 2.0),
    Encoding("cp1252", "Western (Windows-1252, Latin-1)", _latin, _WESTERN),
    Encoding("gb18030", "Simplified Chinese (GB18030, GBK)", _eastern, _SIMPLE),
    Encoding("cp932", "Japanese (Shift-JIS)", _eastern, _JAPANESE),
    Encoding("euc_jp", "Japanese (EUC-JP)", _eastern, _JAPANESE),
    Encoding("cp950", "Traditional Chinese (Big5)", _eastern, _TRADITIONAL),
    Encoding("big5hkscs", "Traditional Chinese (Big5-HKSCS)", _eastern, _TRADITIONAL),
    Encoding("cp1251", "Cyrillic (Windows-1251)", _script, _CYRILLIC),
    Encoding("koi8_r", "Cyrillic (KOI8-R)", _script, _CYRILLIC),
    Encoding("koi8_u", "Cyrillic (KOI8-U)", _script, _CYRILLIC, -4.0),
    Encoding("cp866", "Cyrillic (DOS 866)", _script, _CYRILLIC, -4.0),
    Encoding("cp1250", "Central European (Windows-1250)", _latin, _CENTRAL),
    Encoding("iso8859_2", "Central European (Latin-2)", _latin, _CENTRAL, -4.0),
    Encoding("cp1254", "Turkish (Windows-1254)", _latin, _of(letters.TURKISH)),
    Encoding("cp1257", "Baltic (Windows-1257)", _latin, _of(letters.BALTIC)),
    Encoding("cp1253", "Greek (Windows-1253)", _script, _of(letters.GREEK)),
    Encoding("cp1255", "Hebrew (Windows-1255)", _script, _of(letters.HEBREW)),
    Encoding("cp1256", "Arabic (Windows-1256)", _script, _of(letters.ARABIC)),
    Encoding("cp874", "Thai (Windows-874)", _script, _of(letters.THAI)),
    Encoding("cp850", "Western (DOS 850)", _latin, _WESTERN, -4.0),
    Encoding("mac_roman", "Western (Macintosh)", _latin, _WESTERN, -4.0),
    Encoding("cp852", "Central European (DOS 852)", _latin, _CENTRAL, -4.0),
)
UNICODE = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16, big-endian",
    "utf-32-le": "UTF-32",
    "utf-32-be": "UTF-32, big-endian",
}
SEVEN_BITS = {"iso2022_jp": "Japanese (ISO-2022-JP)", "iso2022_kr": "Korean (ISO-2022-KR)"}
LABELS = UNICODE | {encoding.name: encoding.label for encoding in OLD} | SEVEN_BITS
_SAME = {"euc_kr": "cp949", "gbk": "gb18030", "gb2312": "gb18030", "shift_jis": "cp932", "big5": "cp950"}
_SAME |= {"iso8859-1": "cp1252", "ascii": "utf-8", "utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}


def label(name: str) -> str:
    """What people call an encoding."""
    return LABELS.get(name, name.upper())


def checked(name: str) -> str:
    """Our name for an encoding as people write it, such as `CP949`, `euc-kr` or `Windows-1251`.

    Raises RefusedError for what is not an encoding of text that is read here.
    """
    try:
        known = codecs.lookup(name.strip()[:60]).name
    except (LookupError, ValueError):
        known = ""
    names = {codecs.lookup(own).name: own for own in LABELS}
    same = _SAME.get(known, names.get(known, ""))
    if not same:
        raise RefusedError(
            f"`{name:.60}` is not an encoding that is read here.", f"Choose one of: {', '.join(LABELS)}."
        )
    return same


def readings(sample: Iterable[bytes]) -> list[Reading]:
    """The texts a sample (some pieces of a file) may be, the likeliest first, each text once."""
    pieces = [piece for piece in sample if piece]
    by_text: dict[str, Reading] = {}
    for encoding in OLD:
        reading = _reading(encoding, pieces)
        first = by_text.setdefault(reading.text, reading)
        if first.score < reading.score:
            by_text[reading.text] = reading._replace(encoding=first.encoding)
    return sorted(by_text.values(), key=lambda reading: -reading.score)


def _reading(encoding: Encoding, pieces: Sequence[bytes]) -> Reading:
    decoder = codecs.getincrementaldecoder(encoding.name)  # a piece may end in the middle of a letter
    text = "\n".join(decoder("replace").decode(piece) for piece in pieces)
    counts = Counter(text)
    high = [(letter, count) for letter, count in counts.items() if letter > "\x7f"]
    plain = len(text) - sum(count for _, count in high)
    best = max(encoding.languages, key=lambda language: _fit(language, high))
    known = sum(count for letter, count in high if best.weight(letter) > RARE) / max(1, len(text) - plain)
    score = _fit(best, high) + plain * ASCII + encoding.context(text) + encoding.usual
    return Reading(encoding.name, text, score, known)


def _fit(language: Language, high: Sequence[tuple[str, int]]) -> float:
    return sum(count * language.weight(letter) for letter, count in high)


def is_latin(name: str) -> bool:
    """Whether the encoding writes languages with our alphabet and accents."""
    return any(encoding.name == name and encoding.context is _latin for encoding in OLD)


def languages(name: str) -> set[str]:
    """The languages that are written in an encoding, such as French, as far as they are known here."""
    return {language.name for encoding in OLD if encoding.name == name for language in encoding.languages}
