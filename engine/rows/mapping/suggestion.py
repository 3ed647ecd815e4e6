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


def of_format(file_format: Format, rows: Iterable[Any]) -> Mapping | None:
    """What detection took from where, as a mapping; None for a format that no mapping can say, or is in no row."""
    uses: Counter[tuple[str, str]] = Counter()
    for row in rows:
        uses.update(detection.parts_of(row, file_format).items())
    columns: dict[str, str] = {}
    for (part, column), _ in uses.most_common():
        if part not in columns and column not in columns.values():
            columns[part] = column
    try:
        return Mapping(kind=file_format.kind, parts=columns)
    except ValidationError:
        return None


def guess(rows: Iterable[Any]) -> Mapping | None:
    """A mapping that may be what was meant, for a person to look at; None when no column holds text or turns."""
    columns = columns_of([row for row in rows if isinstance(row, dict)][:MOST_ROWS])
    if chats := [column for column in columns if column.turns]:
        return _chat(max(chats, key=lambda column: len(column.turns)), columns)
    texts = [column for column in columns if column.texts and column.distinct > 1] or [
        column for column in columns if column.texts
    ]
    return _pair(texts, columns) if texts else None


def columns_of(rows: Sequence[Row]) -> list[Column]:
    """The columns of these rows, in the order they first come."""
    names = list(dict.fromkeys(name for row in rows for name in row if isinstance(name, str)))
    return [_column(name, [row.get(name) for row in rows]) for name in names]


def _column(name: str, values: Sequence[Any]) -> Column:
    texts = [value for value in values if isinstance(value, str) and any(map(str.isalpha, value[:200]))]
    turns = [turn for value in values for turn in _turns(cells.opened(value))]
    plain_texts = [] if turns else texts
    return Column(
        name=name,
        texts=len(plain_texts),
        length=sum(map(len, plain_texts)) / len(plain_texts) if plain_texts else 0,
        distinct=len(set(plain_texts)),
        turns=turns,
        labels=sum(cells.yes_or_no(value) is not None for value in values if value not in (None, "")),
    )


def _turns(value: Any) -> list[Row]:
    if not isinstance(value, list):
        return []
    return [turn for turn in value if isinstance(turn, dict) and len(turn) >= 2]


def _chat(column: Column, columns: Sequence[Column]) -> Mapping:
    who, what = keys_of_turns(column.turns)
    parts = {"messages": column.name} | _beside(columns, {column.name})
    usual = who in role_names.USUAL.who and what in role_names.USUAL.what
    unusual_keys = {} if usual else {"who": who, "what": what}
    return Mapping(kind="chat", parts=parts, roles=roles_of(column.turns, who), **unusual_keys)


def keys_of_turns(turns: Sequence[Row]) -> tuple[str, str]:
    """The key that says who speaks (few different values), and the key with the longest texts."""
    values: dict[str, list[str]] = {}
    for turn in turns:
        for key, value in turn.items():
            if isinstance(value, str):
                values.setdefault(str(key), []).append(value)
    lengths = {key: sum(map(len, texts)) / len(texts) for key, texts in values.items()}
    what = max(lengths, key=lambda key: (key in role_names.USUAL.what, lengths[key]), default="")
    role_keys = [key for key in values if key != what and len(set(values[key])) <= FEW_ROLES]
    return max(role_keys, key=lambda key: (key in role_names.USUAL.who, len(values[key])), default=""), what


def roles_of(turns: Iterable[Row], who: str) -> dict[str, Role]:
    """The roles nobody knows, each with what it may be: who speaks first asks, the others answer in turn."""
    names = list(dict.fromkeys(str(turn[who]) for turn in turns if isinstance(turn.get(who), str)))
    unknown_names = [name for name in names if role_names.plain_name(name) not in role_names.ROLES][:FEW_ROLES]
    known_roles = {role_names.ROLES.get(role_names.plain_name(name)) for name in names}
    missing: list[Role] = [role for role in ("user", "assistant") if role not in known_roles] or ["user", "assistant"]
    return {name: missing[min(position, len(missing) - 1)] for position, name in enumerate(unknown_names)}


def _pair(texts: Sequence[Column], columns: Sequence[Column]) -> Mapping:
    better, worse = _named(texts, BETTER), _named(texts, WORSE)
    prompt = _named([column for column in texts if column not in (better, worse)], ASKING)
    if better and worse:
        return _mapping("preference", {"prompt": prompt, "chosen": better, "rejected": worse}, columns)
    completion = _named([column for column in texts if column is not prompt], ANSWERING)
    longest_first = sorted(
        (column for column in texts if column not in (prompt, completion)), key=lambda column: -column.length
    )
    if prompt is None and completion is None:
        prompt, completion = _prompt_and_completion(longest_first[:2], columns)
    prompt = prompt or next(iter(longest_first), None)
    completion = completion or next((column for column in longest_first if column is not prompt), None)
    if prompt is None or completion is None:
        return _mapping("text", {"text": max(texts, key=lambda column: column.length)}, columns)
    label = next((column for column in columns if column.labels and column.words & LABEL_WORDS), None)
    if label is not None and label not in (prompt, completion):
        return _mapping("unpaired", {"prompt": prompt, "completion": completion, "label": label}, columns)
    return _mapping("chat", {"prompt": prompt, "completion": completion}, columns)


def _prompt_and_completion(longest: Sequence[Column], columns: Sequence[Column]) -> Sequence[Column | None]:
    """Of the two columns with the longest texts, which asks: the one that comes first, or that is much shorter."""
    if len(longest) < 2:
        return None, None
    completion, prompt = longest
    alike = completion.length < 2 * prompt.length
    return sorted(longest, key=columns.index) if alike else (prompt, completion)


def _named(columns: Sequence[Column], names: set[str]) -> Column | None:
    """The column with such a word in its name, the longest texts first."""
    return max((column for column in columns if column.words & names), key=lambda column: column.length, default=None)


def _mapping(kind: Kind, columns_by_part: dict[str, Column | None], columns: Sequence[Column]) -> Mapping:
    taken = {part: column.name for part, column in columns_by_part.items() if column is not None}
    beside = _beside(columns, set(taken.values())) if "system" in row_parts.PARTS[kind] else {}
    return Mapping(kind=kind, parts=taken | beside)


def _beside(columns: Sequence[Column], taken: set[str]) -> dict[str, str]:
    """System text, history and tools, where a column is called so."""
    free = {role_names.plain_name(column.name): column.name for column in columns if column.name not in taken}
    names_by_part = {part: cells.first(free, names) for part, names in row_parts.BESIDE.items()}
    return {part: free[name] for part, name in names_by_part.items() if name is not None}
