"""A mapping to begin with: what detection took from where, or a guess by the names of columns and what is in them."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from engine.rows.kinds import row_parts
from engine.rows.mapping import detection
from engine.rows.mapping.mapping import Mapping, Role
from engine.rows.turns import cells, role_names
from engine.rows.verdict import Format, Kind, Row

MOST_ROWS = 200
FEW_ROLES = 8
LABEL_WORDS = {*row_parts.LABELS, "good", "liked", "thumbs", "correct", "is_good", "accepted"}
ASKING = {*row_parts.PROMPTS, "ask", "asked", "q", "src", "source", "request", "utterance", "customer", "task"}
ANSWERING = {
    *row_parts.ANSWERS,
    "a",
    "reply",
    "tgt",
    "agent",
    "bot",
    "model",
    "gold",
    "reference",
    "summary",
    "translation",
}
BETTER = {"chosen", "better", "best", "preferred", "winner", "win", "positive", "good"}
WORSE = {"rejected", "worse", "worst", "dispreferred", "loser", "lose", "negative", "bad"}


@dataclass(frozen=True)
class Column:
    """What a column holds, by a look at some rows."""

    name: str
    texts: int  # how many values are text that says something
    length: float  # of these, on average, in characters
    distinct: int
    turns: Sequence[Row]  # the dicts of lists that may be chats
    labels: int  # values that say yes or no

    @property
    def words(self) -> set[str]:
        """The name and the words in it, as `modelAnswer` has `model` and `answer`."""
        plain = role_names.plain_name(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.name))
        return {plain, *plain.split("_")}


def of_format(found: Format, rows: Iterable[Any]) -> Mapping | None:
    """What detection took from where, as a mapping; None for a format that no mapping can say, or is in no row."""
    taken: Counter[tuple[str, str]] = Counter()
    for row in rows:
        taken.update(detection.parts_of(row, found).items())
    columns: dict[str, str] = {}
    for (part, column), _ in taken.most_common():
        if part not in columns and column not in columns.values():
            columns[part] = column
    try:
        return Mapping(kind=found.kind, parts=columns)
    except ValidationError:
        return None


def guess(rows: Iterable[Any]) -> Mapping | None:
    """A mapping that may be what was meant, for a person to look at; None when no column holds text or turns."""
    columns = look([row for row in rows if isinstance(row, dict)][:MOST_ROWS])
    if chats := [one for one in columns if one.turns]:
        return _chat(max(chats, key=lambda one: len(one.turns)), columns)
    texts = [one for one in columns if one.texts and one.distinct > 1] or [one for one in columns if one.texts]
    return _pair(texts, columns) if texts else None


def look(rows: Sequence[Row]) -> list[Column]:
    """The columns of these rows, in the order they first come."""
    names = list(dict.fromkeys(name for row in rows for name in row if isinstance(name, str)))
    return [_column(name, [row.get(name) for row in rows]) for name in names]


def _column(name: str, values: Sequence[Any]) -> Column:
    texts = [value for value in values if isinstance(value, str) and any(map(str.isalpha, value[:200]))]
    turns = [turn for value in values for turn in _turns(cells.opened(value))]
    said = [] if turns else texts
    return Column(
        name=name,
        texts=len(said),
        length=sum(map(len, said)) / len(said) if said else 0,
        distinct=len(set(said)),
        turns=turns,
        labels=sum(cells.yes_or_no(value) is not None for value in values if value not in (None, "")),
    )


def _turns(value: Any) -> list[Row]:
    if not isinstance(value, list):
        return []
    return [turn for turn in value if isinstance(turn, dict) and len(turn) >= 2]


def _chat(column: Column, columns: Sequence[Column]) -> Mapping:
    who, what = keys_of_turns(column.turns)
    found = {"messages": column.name} | _beside(columns, {column.name})
    usual = who in role_names.USUAL.who and what in role_names.USUAL.what
    own = {} if usual else {"who": who, "what": what}
    return Mapping(kind="chat", parts=found, roles=roles_of(column.turns, who), **own)


def keys_of_turns(turns: Sequence[Row]) -> tuple[str, str]:
    """The key that says who speaks (few different values), and the key with the longest texts."""
    values: dict[str, list[str]] = {}
    for turn in turns:
        for key, value in turn.items():
            if isinstance(value, str):
                values.setdefault(str(key), []).append(value)
    lengths = {key: sum(map(len, said)) / len(said) for key, said in values.items()}
    what = max(lengths, key=lambda key: (key in role_names.USUAL.what, lengths[key]), default="")
    few = [key for key in values if key != what and len(set(values[key])) <= FEW_ROLES]
    return max(few, key=lambda key: (key in role_names.USUAL.who, len(values[key])), default=""), what


def roles_of(turns: Iterable[Row], who: str) -> dict[str, Role]:
    """The roles nobody knows, each with what it may be: who speaks first asks, the others answer in turn."""
    names = list(dict.fromkeys(str(turn[who]) for turn in turns if isinstance(turn.get(who), str)))
    strange = [name for name in names if role_names.plain_name(name) not in role_names.ROLES][:FEW_ROLES]
    taken = {role_names.ROLES.get(role_names.plain_name(name)) for name in names}
    free: list[Role] = [role for role in ("user", "assistant") if role not in taken] or ["user", "assistant"]
    return {name: free[min(place, len(free) - 1)] for place, name in enumerate(strange)}


def _pair(texts: Sequence[Column], columns: Sequence[Column]) -> Mapping:
    better, worse = _named(texts, BETTER), _named(texts, WORSE)
    asked = _named([one for one in texts if one not in (better, worse)], ASKING)
    if better and worse:
        return _made("preference", {"prompt": asked, "chosen": better, "rejected": worse}, columns)
    answered = _named([one for one in texts if one is not asked], ANSWERING)
    rest = sorted((one for one in texts if one not in (asked, answered)), key=lambda one: -one.length)
    if asked is None and answered is None:
        asked, answered = _two(rest[:2], columns)
    asked = asked or next(iter(rest), None)
    answered = answered or next((one for one in rest if one is not asked), None)
    if asked is None or answered is None:
        return _made("text", {"text": max(texts, key=lambda one: one.length)}, columns)
    label = next((one for one in columns if one.labels and one.words & LABEL_WORDS), None)
    if label is not None and label not in (asked, answered):
        return _made("unpaired", {"prompt": asked, "completion": answered, "label": label}, columns)
    return _made("chat", {"prompt": asked, "completion": answered}, columns)


def _two(longest: Sequence[Column], columns: Sequence[Column]) -> Sequence[Column | None]:
    """Of the two columns with the longest texts, which asks: the one that comes first, or that is much shorter."""
    if len(longest) < 2:
        return None, None
    answered, asked = longest
    alike = answered.length < 2 * asked.length
    return sorted(longest, key=columns.index) if alike else (asked, answered)


def _named(columns: Sequence[Column], names: set[str]) -> Column | None:
    """The column with such a word in its name, the longest texts first."""
    return max((one for one in columns if one.words & names), key=lambda one: one.length, default=None)


def _made(kind: Kind, found: dict[str, Column | None], columns: Sequence[Column]) -> Mapping:
    taken = {part: column.name for part, column in found.items() if column is not None}
    beside = _beside(columns, set(taken.values())) if "system" in row_parts.PARTS[kind] else {}
    return Mapping(kind=kind, parts=taken | beside)


def _beside(columns: Sequence[Column], taken: set[str]) -> dict[str, str]:
    """System text, history and tools, where a column is called so."""
    free = {role_names.plain_name(one.name): one.name for one in columns if one.name not in taken}
    found = {part: cells.first(free, names) for part, names in row_parts.BESIDE.items()}
    return {part: free[name] for part, name in found.items() if name is not None}
