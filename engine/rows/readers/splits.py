"""Which split each of several files belongs to, by the names of files and folders; and the files of a saved dataset.

The words are those of the `datasets` library (`engine.rows.readers.hub_files`), and a folder that its `save_to_disk`
has written is known by its shards: one folder for each split.
"""

import re
from collections.abc import Sequence

from engine.rows.readers import hub_files

SHARD = re.compile(r"(?:.*/)?([^/]+)/data-\d{5}-of-\d{5}\.arrow")
MAIN = "train"


def of_names(names: Sequence[str]) -> list[str]:
    """The split of each file; "" for all of them where they do not tell at least two apart.

    Files that say nothing, beside others that do, belong to train.
    """
    saved = [match[1] if (match := SHARD.fullmatch(name)) else "" for name in names]
    splits = [_word(name) or name for name in saved] if all(saved) else _by_words(names)
    return [split or MAIN for split in splits] if len(set(filter(None, splits))) > 1 else [""] * len(names)


def _by_words(names: Sequence[str]) -> list[str]:
    by_split = hub_files.by_names(list(names))
    splits = {name: _word(split) or split for split, files in reversed(by_split.items()) for name in files}
    return [splits.get(name, "") for name in names]


def _word(name: str) -> str:
    """train, validation or test, for each of the words that mean one of them."""
    return next((split for split, words in hub_files.KEYWORDS.items() if name.lower() in words), "")
