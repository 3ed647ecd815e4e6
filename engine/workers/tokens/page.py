"""Rows as a person sees their tokens: trained, context only, or cut off. The inside of `engine.workers.tokens.rows`."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import orjson

from engine.process import events
from engine.rows.store import columnar
from engine.workers import limits
from engine.workers.tokens import row_tokens, vocabulary
from engine.workers.tokens.row_texts import Row, Source, Texts
from engine.workers.tokens.row_tokens import NOT_LEARNT, Tokenised, Tokens

State = Literal["trained", "context", "truncated"]

PAGE = "page.json"
MOST_SHOWN = 2000  # tokens of one text
MOST_NAMED = 5


def load_texts(spec: dict[str, Any], out: Path) -> Texts:
    """The rows that a spec is about, with the tokenizer of its model."""
    source = Source(Path(spec["dataset"]), spec["kind"], spec["max_length"], spec["answers_only"])

    def report(stage: str) -> None:
        events.append(out, events.Progress(done=0, stage=stage))

    return Texts(vocabulary.prepared(Path(spec["model"]), Path(spec["cache"]), report), source)


def write(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Leaves OUT/page.json: {"rows": [...], "notes": [...], "specials": texts of the special tokens shown}."""
    texts = load_texts(spec, out)
    rows = columnar.page(texts.source.path, spec["offset"], spec["limit"])
    with limits.memory():
        tokenised = row_tokens.tokenised(texts, rows, max(MOST_SHOWN, texts.source.max_length))
    page_rows = [_row(row, texts) for row in tokenised]
    specials = sorted(_shown_tokens(page_rows) & set(texts.vocabulary.specials))
    (out / PAGE).write_bytes(orjson.dumps({"rows": page_rows, "notes": texts.notes(), "specials": specials}))
    return {"rows": len(page_rows), "file": PAGE}


def _shown_tokens(rows: list[dict[str, Any]]) -> set[str]:
    return {token for row in rows for side in row["sides"] for run in side["runs"] for token in run["tokens"]}


def _row(row: Tokenised, texts: Texts) -> dict[str, Any]:
    source = texts.source
    if row.refusal:
        left_out = f"The model's chat template refuses this row: {row.refusal}"
    else:
        reason = "Both answers are the same" if row.has_equal_sides(source) else "Nothing to learn"
        left_out = "" if row.learns(source) else f"{reason} within {source.max_length:,} tokens."
    return {
        "row": row.row.get("row"),
        "left_out": left_out,
        "warnings": list(_warnings(row, texts)),
        "sides": [_side(side, source.max_length) for side in row.sides],
    }


def _side(side: Tokens, max_length: int) -> dict[str, Any]:
    states = [_state(index, label, max_length) for index, label in enumerate(side.labels[:MOST_SHOWN].tolist())]
    pairs = zip(states, pieces(side), strict=False)
    runs = [
        {"state": state, "tokens": [piece for _, piece in group]}
        for state, group in groupby(pairs, lambda pair: pair[0])
    ]
    return {
        "name": side.side.name,
        "tokens": side.length,
        "trained": side.cut(max_length).trained,
        "truncated": max(0, side.length - max_length),
        "hidden": side.length - len(states),
        "runs": runs,
    }


def _state(index: int, label: int, max_length: int) -> State:
    if index >= max_length:
        return "truncated"
    # The first token has nothing before it to be predicted from.
    return "trained" if label != NOT_LEARNT and index else "context"


def pieces(side: Tokens) -> Iterator[str]:
    """The text of each token; of a character made of several tokens, the first has the text and the others none."""
    text, cursor, encoding = side.side.spans.text, 0, side.encoding
    for (start, end), token, is_special in zip(
        encoding.offsets, encoding.tokens, encoding.special_tokens_mask, strict=True
    ):
        if start == end:
            yield token if is_special else ""
        else:
            yield text[cursor:end]
            cursor = max(cursor, end)


def _warnings(row: Tokenised, texts: Texts) -> Iterator[str]:
    contained = [
        special for special in texts.vocabulary.specials if any(special in text for text in _written_texts(row.row))
    ]
    if contained:
        names = ", ".join(contained[:MOST_NAMED])
        yield f"The row's own text has special tokens in it ({names}), which the model reads as commands."
    if row.is_cut(texts.source):
        yield f"Longer than {texts.source.max_length:,} tokens: the end is cut off."


def _written_texts(row: Row) -> Iterator[str]:
    """Every text of a row that a person wrote."""
    for name, value in row.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str) and name != "extra":
                yield item
            elif isinstance(item, dict) and name in columnar.TURN_COLUMNS:
                yield item.get("content", "")
