"""Many chats at a glance: whether all of them are what most rows of most files are, written our way with nothing amiss.

Only says yes when `detection.judge` would accept every row as it stands (a test holds the two together). It looks at
all texts as one, which takes a third of the time; where it says no, each row is judged by itself.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from engine.rows.turns import cells

MOST_TURNS = 64  # longer chats are judged by themselves


def plain_chats(rows: Sequence[Any]) -> bool:
    """Whether every row is {"messages": [{"role", "content"}, ...]} and nothing else, clean, in order, and answered."""
    try:
        chats = [row["messages"] for row in rows]
        turns = list(chain.from_iterable(chats))
        texts = [turn["content"] for turn in turns]
        in_order = all(_learnable(tuple([turn["role"] for turn in chat])) for chat in chats)
        all_text = "".join(texts)
    except (KeyError, TypeError):
        return False
    no_other_keys = sum(map(len, rows)) == len(rows) and sum(map(len, turns)) == 2 * len(turns)
    return (
        in_order and no_other_keys and "" not in texts and not any(map(str.isspace, texts)) and cells.is_clean(all_text)
    )


@lru_cache(maxsize=1024)
def _learnable(roles: tuple[str, ...]) -> bool:
    """Perhaps a system turn, then questions and answers in turn, an answer last."""
    pairs = roles[1:] if roles[:1] == ("system",) else roles
    questions, answers = pairs[::2], pairs[1::2]
    return 0 < len(questions) == len(answers) <= MOST_TURNS and {*questions} == {"user"} and {*answers} == {"assistant"}
