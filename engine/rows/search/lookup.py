"""Finding rows by their words: by an index (SQLite FTS5), or by looking through texts while there is none."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.rows.health import sketches
from engine.rows.health.batch import batches
from engine.rows.search.terms import Term, match_query, patterns

INDEX = "index.sqlite"
_TABLE = "CREATE VIRTUAL TABLE rows USING fts5(text, content='', columnsize=0, tokenize='unicode61')"


def words(texts: pa.Array) -> pa.Array:
    """Texts as they are compared: small letters without accents, words only, one space between."""
    foreign = pc.invert(pc.string_is_ascii(texts))  # taking accents off costs more than all the rest
    return sketches.normal(pc.replace_with_mask(texts, foreign, _bare(texts.filter(foreign))))


def _bare(texts: pa.Array) -> pa.Array:
    letters = pc.replace_substring_regex(pc.utf8_normalize(texts, form="NFD"), pattern=r"\pM+", replacement="")
    return pc.utf8_normalize(letters, form="NFC")


def prepare(index: sqlite3.Connection) -> None:
    """An empty index. It is made anew when it is lost, so nothing is written twice for safety's sake."""
    index.execute("PRAGMA journal_mode = OFF")
    index.execute("PRAGMA synchronous = OFF")
    index.execute(_TABLE)


def add(index: sqlite3.Connection, first: int, texts: Sequence[str]) -> None:
    """Rows from position `first` on, by their `words`."""
    index.executemany("INSERT INTO rows (rowid, text) VALUES (?, ?)", enumerate(texts, first))


def indexed(index: Path, terms: Sequence[Term], offset: int, limit: int) -> tuple[int, list[int]]:
    """How many rows have all the terms, and the positions of one page of them, rising."""
    query = match_query(terms)
    with closing(sqlite3.connect(f"{index.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM rows WHERE rows MATCH ?", (query,)).fetchone()
        page = "SELECT rowid FROM rows WHERE rows MATCH ? ORDER BY rowid LIMIT ? OFFSET ?"
        return count, [position for (position,) in connection.execute(page, (query, limit, offset))]


def scanned(path: Path, kind: str | None, terms: Sequence[Term], most_rows: int) -> tuple[list[int], int]:
    """The positions of rows with all the terms among the first `most_rows`, and how many were looked at."""
    positions: list[int] = []
    rows_read = 0
    for batch in batches(path, kind or ""):
        texts = words(batch.text)
        mask = np.ones(len(texts), dtype=np.bool_)
        for pattern in patterns(terms):
            mask &= np.asarray(pc.match_substring_regex(texts, pattern=pattern).to_numpy(zero_copy_only=False))
        positions += (np.flatnonzero(mask) + batch.first).tolist()
        rows_read += len(texts)
        if rows_read >= most_rows:
            break
    return positions, rows_read
