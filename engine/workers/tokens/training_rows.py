"""Turns a dataset's Parquet file into token ids and labels, on disk, in constant memory.

The result is an Arrow file under OUT/rows, written once for a run: memory-mapped in training, and found again when the
run is resumed. A label of -100 means "not learnt".
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy
import pyarrow
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from engine.process import events
from engine.workers import contract, limits
from engine.workers.tokens import row_tokens
from engine.workers.tokens.chat_spans import PLAIN_TEMPLATE
from engine.workers.tokens.row_texts import Row, Source, Texts
from engine.workers.tokens.row_tokens import NOT_LEARNT, Counts
from engine.workers.tokens.vocabulary import Vocabulary

__all__ = ["NOT_LEARNT", "Counts", "Source", "notes", "nothing_to_learn", "prepare"]

POSITION = "position"
SCHEMA = pyarrow.schema(
    {
        "input_ids": pyarrow.list_(pyarrow.int32()),  # one list a row
        "labels": pyarrow.list_(pyarrow.int32()),
        POSITION: pyarrow.int64(),  # in the dataset's file
    }
)


def prepare(tokenizer: PreTrainedTokenizerBase, source: Source, out: Path) -> tuple[Dataset, Counts]:
    """The rows that can be learnt from, memory-mapped, and what became of all of them.

    Raises WorkFailedError when the tokenizer knows no character offsets or not one row can be learnt from.
    """
    texts = Texts(Vocabulary.of(tokenizer), source)
    if texts.uses_plain_template:
        tokenizer.chat_template = PLAIN_TEMPLATE  # saved with the result
    folder = out / "rows"
    folder.mkdir(exist_ok=True)
    file = folder / f"{fingerprint(texts)}.arrow"
    # An earlier attempt of this run may have written it.
    counts = Counts(**json.loads(file.with_suffix(".json").read_text())) if file.exists() else _write(texts, file, out)
    if not counts.kept:
        raise nothing_to_learn(counts, source)
    return Dataset.from_file(str(file)), counts


def fingerprint(texts: Texts) -> str:
    """Changes whenever the tokens could; twenty hex digits."""
    source, vocabulary = texts.source, texts.vocabulary
    stat = source.path.stat()
    size = vocabulary.tokens.get_vocab_size()
    parts = [POSITION, str(source), stat.st_size, stat.st_mtime_ns, texts.template.source, vocabulary.eos, size]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]


def _write(texts: Texts, file: Path, out: Path) -> Counts:
    counts = Counts()
    partial = file.with_suffix(".partial")
    with (
        limits.memory(),
        pyarrow.OSFile(str(partial), "wb") as sink,
        pyarrow.ipc.new_stream(sink, SCHEMA) as writer,
    ):
        for rows in row_tokens.batches(texts.source, out, "tokenising"):
            columns = map(pyarrow.array, _tokenise(texts, rows, counts))
            writer.write_batch(pyarrow.record_batch([*columns], schema=SCHEMA))
    for note in texts.notes():
        events.append(out, events.Note(message=note))
    file.with_suffix(".json").write_text(json.dumps(asdict(counts)))
    partial.rename(file)
    return counts


Arrays = list[numpy.ndarray]


def _tokenise(texts: Texts, rows: list[Row], counts: Counts) -> tuple[Arrays, Arrays, numpy.ndarray]:
    source, first = texts.source, counts.rows
    tokenised = row_tokens.tokenised(texts, rows, source.max_length)
    # SFT learns from rows of one side.
    kept = [number for number, row in enumerate(tokenised) if row_tokens.count(row, source, counts)]
    sides = [tokenised[number].sides[0] for number in kept]
    return [side.ids for side in sides], [side.labels for side in sides], first + numpy.array(kept, numpy.int64)


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
    warnings = []
    if counts.untrainable:
        message = (
            f"{counts.untrainable:,} rows hold nothing to learn within {source.max_length} tokens and are left out."
        )
        warnings.append(events.Note(level="warning", message=message))
    if counts.refused:
        message = f"The model's chat template refuses {counts.refused:,} rows, which are left out: {counts.refusal}"
        warnings.append(events.Note(level="warning", message=message))
    if counts.truncated:
        message = f"{counts.truncated:,} rows are longer than {source.max_length} tokens and are cut at the end."
        warnings.append(events.Note(level="warning", message=message))
    return warnings
