"""Turns a dataset's Parquet file into token ids and labels, on disk, in constant memory.

The result is an Arrow file under OUT/rows, written once for a run: memory-mapped in training, and found again when the
run is resumed. A label of -100 means "not learnt".
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy
import pyarrow
from datasets import Dataset
from jinja2 import TemplateError
from pyarrow import parquet
from transformers import PreTrainedTokenizerBase

from engine import events
from engine.workers import contract
from engine.workers.chat_spans import PLAIN_TEMPLATE, ChatText, Spans

NOT_LEARNT = -100
ROWS_AT_ONCE = 256
SECONDS_BETWEEN_REPORTS = 0.5
SCHEMA = pyarrow.schema(
    {"input_ids": pyarrow.list_(pyarrow.int32()), "labels": pyarrow.list_(pyarrow.int32())}  # one list a row
)


@dataclass
class Counts:
    """What became of the dataset's rows."""

    rows: int = 0
    kept: int = 0
    truncated: int = 0
    untrainable: int = 0
    refused: int = 0
    refusal: str = ""  # the template's words about the first row it refused

    @property
    def dropped(self) -> int:
        return self.untrainable + self.refused


@dataclass(frozen=True)
class Source:
    """What to read, and how it is to be learnt."""

    path: Path
    kind: str  # chat, completion or text
    max_length: int  # tokens
    answers_only: bool


class Texts:
    """Rows as text with the spans to learn, by kind of dataset."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, source: Source) -> None:
        # A model that talks in chats is asked in chats later, so that is how it learns a pair too.
        self.as_chat = source.kind == "completion" and tokenizer.chat_template is not None
        self.kind = "chat" if self.as_chat else source.kind
        if self.kind == "chat" and tokenizer.chat_template is None:
            tokenizer.chat_template = PLAIN_TEMPLATE
        specials = tuple(token.content for token in tokenizer.added_tokens_decoder.values() if token.special)
        self.eos = tokenizer.eos_token or ""
        self.chat = ChatText(self._render, tuple({*specials, *tokenizer.all_special_tokens}), self.eos)
        self.source = source
        self.tokenizer = tokenizer

    def _render(self, messages: Any, ask: bool) -> str:
        return str(self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=ask))

    def spans(self, row: dict[str, Any]) -> Spans:
        """Raises jinja2.TemplateError when the chat template refuses the row."""
        match self.kind:
            case "chat" if self.source.answers_only:
                # No token of a chat is longer than this, so turns further on are cut anyway.
                return self.chat.answers(self._messages(row), most_characters=self.source.max_length * 128)
            case "chat":
                return self.chat.whole(self._messages(row))
            case "completion":
                text = self._with_eos(row["prompt"] + row["completion"])
                return Spans(text, [(len(row["prompt"]) if self.source.answers_only else 0, len(text))])
            case _:
                text = self._with_eos(row["text"])
                return Spans(text, [(0, len(text))])

    def _messages(self, row: dict[str, Any]) -> list[dict[str, str]]:
        if not self.as_chat:
            messages: list[dict[str, str]] = row["messages"]
            return messages
        return [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["completion"]}]

    def _with_eos(self, text: str) -> str:
        return text if self.eos and text.endswith(self.eos) else text + self.eos


def prepare(tokenizer: PreTrainedTokenizerBase, source: Source, out: Path) -> tuple[Dataset, Counts]:
    """The rows that can be learnt from, memory-mapped, and what became of all of them.

    Raises WorkFailedError when the tokenizer knows no character offsets or not one row can be learnt from.
    """
    if not tokenizer.is_fast:
        raise contract.WorkFailedError(
            "config", "This model's tokenizer tells no character positions.", "Choose a model with a tokenizer.json."
        )
    texts = Texts(tokenizer, source)
    folder = out / "rows"
    folder.mkdir(exist_ok=True)
    file = folder / f"{_fingerprint(texts)}.arrow"
    # An earlier attempt of this run may have written it.
    counts = Counts(**json.loads(file.with_suffix(".json").read_text())) if file.exists() else _write(texts, file, out)
    if not counts.kept:
        raise nothing_to_learn(counts, source)
    return Dataset.from_file(str(file)), counts


def _fingerprint(texts: Texts) -> str:
    """Changes whenever the tokens could; twenty hex digits."""
    source, tokenizer = texts.source, texts.tokenizer
    stat = source.path.stat()
    parts = [str(source), stat.st_size, stat.st_mtime_ns, tokenizer.chat_template, texts.eos, len(tokenizer)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]


def _write(texts: Texts, file: Path, out: Path) -> Counts:
    counts = Counts()
    partial = file.with_suffix(".partial")
    with pyarrow.OSFile(str(partial), "wb") as sink, pyarrow.ipc.new_stream(sink, SCHEMA) as writer:
        for rows in _read(texts.source.path, out):
            ids, labels = _tokenise(texts, rows, counts)
            writer.write_batch(pyarrow.record_batch([pyarrow.array(ids), pyarrow.array(labels)], schema=SCHEMA))
    file.with_suffix(".json").write_text(json.dumps(asdict(counts)))
    partial.rename(file)
    return counts


def _read(path: Path, out: Path) -> Iterator[list[dict[str, Any]]]:
    """The file's rows in small batches, telling now and then how far it is."""
    table = parquet.ParquetFile(path)
    done, reported = 0, time.monotonic()
    for batch in table.iter_batches(batch_size=ROWS_AT_ONCE):
        yield batch.to_pylist()
        done += batch.num_rows
        if contract.stop_requested(out):
            raise contract.Stopped()
        if time.monotonic() - reported > SECONDS_BETWEEN_REPORTS:
            events.append(out, events.Progress(done=done, total=table.metadata.num_rows, stage="tokenising"))
            reported = time.monotonic()


Arrays = list[numpy.ndarray]


def _tokenise(texts: Texts, rows: list[dict[str, Any]], counts: Counts) -> tuple[Arrays, Arrays]:
    counts.rows += len(rows)
    spans = _rendered(texts.spans, rows, counts)
    ids: Arrays = []
    labels: Arrays = []
    if not spans:
        return ids, labels
    longest = texts.source.max_length
    encoded = texts.tokenizer(
        [one.text for one in spans],
        add_special_tokens=texts.kind != "chat",  # a chat template writes them itself
        return_offsets_mapping=True,
        truncation=True,
        max_length=longest + 1,  # one more than is kept tells that something is cut
    )
    for one, row_ids, offsets in zip(spans, encoded["input_ids"], encoded["offset_mapping"], strict=True):
        row_labels = _labels(row_ids, offsets, one.parts)[:longest]
        if (row_labels[1:] == NOT_LEARNT).all():  # the first token has nothing before it to be predicted from
            counts.untrainable += 1
            continue
        counts.kept += 1
        counts.truncated += len(row_ids) > longest
        ids.append(numpy.asarray(row_ids[:longest], dtype=numpy.int32))
        labels.append(row_labels)
    return ids, labels


def _rendered(spans: Callable[[dict[str, Any]], Spans], rows: list[dict[str, Any]], counts: Counts) -> list[Spans]:
    rendered = []
    for row in rows:
        try:
            rendered.append(spans(row))
        except TemplateError as error:
            counts.refused += 1
            counts.refusal = counts.refusal or str(error)[:300]
    return rendered


def _labels(ids: list[int], offsets: list[tuple[int, int]], parts: list[tuple[int, int]]) -> numpy.ndarray:
    """The ids of tokens with a character in one of `parts`, NOT_LEARNT for all others.

    A token across the border of prompt and answer is learnt, as in TRL: its end is the answer's.
    """
    start, end = numpy.asarray(offsets, dtype=numpy.int64).reshape(-1, 2).T
    learnt = numpy.zeros(len(ids), dtype=bool)
    for first, last in parts:
        learnt |= (end > first) & (start < last) & (end > start)
    return numpy.where(learnt, numpy.asarray(ids, dtype=numpy.int32), numpy.int32(NOT_LEARNT)).astype(numpy.int32)


def nothing_to_learn(counts: Counts, source: Source) -> contract.WorkFailedError:
    """Why not one row is left, with the likeliest remedy."""
    message = f"None of the dataset's {counts.rows:,} rows can be learnt from."
    if counts.refused:
        hint = f"The model's chat template refuses {counts.refused:,} of them: {counts.refusal}"
    elif source.answers_only:
        hint = (
            f"No answer begins within {source.max_length} tokens. Raise max_length, check that the rows have "
            "assistant turns or completions, or turn assistant_only_loss off."
        )
    else:
        hint = "Every row is empty. Check the columns of the dataset on the Data page."
    return contract.WorkFailedError("data", message, hint)


def notes(counts: Counts, source: Source) -> list[events.Note]:
    """What a person should know about rows that are not, or not wholly, learnt from."""
    found = []
    if counts.untrainable:
        words = f"{counts.untrainable:,} rows hold nothing to learn within {source.max_length} tokens and are left out."
        found.append(events.Note(level="warning", message=words))
    if counts.refused:
        words = f"The model's chat template refuses {counts.refused:,} rows, which are left out: {counts.refusal}"
        found.append(events.Note(level="warning", message=words))
    if counts.truncated:
        words = f"{counts.truncated:,} rows are longer than {source.max_length} tokens and are cut at the end."
        found.append(events.Note(level="warning", message=words))
    return found
