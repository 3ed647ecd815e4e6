"""What of an answer is compared: the words after the thoughts, cut to a bounded length, normalised."""

import re
import unicodedata

LONGEST = 20_000  # characters of an answer that are looked at; a hostile one may have millions
THOUGHTS, END_OF_THOUGHTS = "<think>", "</think>"
# Left away at both ends: ends of sentences, quotation marks, brackets, Markdown. Not - + % # $ and the like, which
# change what is said: "-5", "5%", "C#".
EDGES = ".,;:!?…·。、，；：！？｡｢｣\"'`“”‘’«»「」『』()[]{}<>（）【】《》*_~ \t\n"
_WORD = re.compile(r"[^\W_]+")  # as rouge-score, for every script: "don't" is two
_NO_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f]")
# Scripts in which words are no good measure: signs without spaces between, or (Korean) endings glued to every word.
_BY_CHARACTER = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f]"
)
_LETTER = re.compile(r"[^\W\d_]")


def final(answer: str) -> str:
    """The answer without the thoughts before it, always encodable. Thoughts that never end leave nothing."""
    text = answer.lstrip()
    # Some templates begin the thoughts themselves, so that the answer only ends them.
    if text.startswith(THOUGHTS) or text.count(END_OF_THOUGHTS) == 1:
        text = text.partition(END_OF_THOUGHTS)[2]
    return text.strip()[:LONGEST].encode("utf-8", "replace").decode()


def normal(text: str) -> str:
    """NFKC, small letters, one space between words, and none of `EDGES` at the ends (unless nothing else is there)."""
    plain = " ".join(unicodedata.normalize("NFKC", text[:LONGEST]).casefold().split())
    return plain.strip(EDGES) or plain


def words(text: str) -> list[str]:
    """The words, in small letters; a sign of a script without spaces is a word of its own."""
    spaced = _NO_SPACES.sub(r" \g<0> ", unicodedata.normalize("NFKC", text[:LONGEST]).casefold())
    return _WORD.findall(spaced)


def characters(text: str) -> list[str]:
    """Letters, digits and signs, without blanks and punctuation."""
    plain = unicodedata.normalize("NFKC", text[:LONGEST]).casefold()
    return [character for character in plain if character.isalnum()]


def by_character(text: str) -> bool:
    """Whether a text is mostly Korean, Chinese, Japanese or Thai: characters are compared then, not words."""
    letters = len(_LETTER.findall(text[:LONGEST]))
    return bool(letters) and len(_BY_CHARACTER.findall(text[:LONGEST])) / letters > 0.3
