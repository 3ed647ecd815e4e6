"""Rows with answers that are judged, as token ids: pairs, single answers with a label, prompts without an answer.

Like engine.workers.tokens.training_rows, whose texts and counts they share: an Arrow file under OUT/rows, written once
for a run. Labels of -100 are not judged. A row whose two answers are the same within the length teaches nothing.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow
from datasets import Dataset
from transformers import PreTrainedTokenizerBase

from engine.process import events
from engine.workers import contract, limits
from engine.workers.tokens import row_tokens, training_rows
from engine.workers.tokens.chat_spans import PLAIN_TEMPLATE
from engine.workers.tokens.row_texts import Source, Texts, prompt_row
from engine.workers.tokens.row_tokens import Counts, Tokenised
from engine.workers.tokens.vocabulary import Vocabulary

_IDS = pyarrow.list_(pyarrow.int32())
_PLACE = {training_rows.POSITION: pyarrow.int64()}
SCHEMAS = {
    "preference": pyarrow.schema(
        {"chosen_ids": _IDS, "chosen_labels": _IDS, "rejected_ids": _IDS, "rejected_labels": _IDS, **_PLACE}
    ),
    "unpaired": pyarrow.schema({"input_ids": _IDS, "labels": _IDS, "label": pyarrow.bool_(), **_PLACE}),
    # JSON text: `extra` of the other columns, `messages` of the prompt's turns.
    "prompt": pyarrow.schema({"prompt_ids": _IDS, "extra": pyarrow.string(), "messages": pyarrow.string(), **_PLACE}),
}


@dataclass(frozen=True)
class Selection:
    """What to read. With `whole`, rows that are longer than `source.max_length` are left out, not cut."""

    source: Source
    whole: bool = False


def prepare(tokenizer: PreTrainedTokenizerBase, selection: Selection, out: Path) -> tuple[Dataset, Counts]:
    """The rows that can be learnt from, memory-mapped, and what became of all of them.

    Raises WorkFailedError when the tokenizer knows no character positions or not one row can be learnt from.
    """
    texts = Texts(Vocabulary.of(tokenizer), selection.source)
    if texts.uses_plain_template:
        tokenizer.chat_template = PLAIN_TEMPLATE  # saved with the result
    folder = out / "rows"
    folder.mkdir(exist_ok=True)
    file = folder / f"{fingerprint(texts, selection)}.arrow"
    # An earlier attempt of this run may have written it.
    counts = (
        Counts(**json.loads(file.with_suffix(".json").read_text())) if file.exists() else _write(texts, selection, file)
    )
    if not counts.kept:
        raise nothing_to_learn(counts, selection)
    dataset = Dataset.from_file(str(file))
    dataset._fingerprint = file.stem  # its own differs from process to process; what is kept of these rows goes by it
    return dataset, counts


def fingerprint(texts: Texts, selection: Selection) -> str:
    columns = SCHEMAS[selection.source.kind].names  # a later studio may keep other ones
    return hashlib.sha256(f"{training_rows.fingerprint(texts)} {selection.whole} {columns}".encode()).hexdigest()[:20]


def _write(texts: Texts, selection: Selection, file: Path) -> Counts:
    counts, out = Counts(), file.parent.parent
    schema = SCHEMAS[selection.source.kind]
    partial = file.with_suffix(".partial")
    with limits.memory(), pyarrow.OSFile(str(partial), "wb") as sink, pyarrow.ipc.new_stream(sink, schema) as writer:
        for rows in row_tokens.batches(selection.source, out, "tokenising"):
            # One more token than is kept tells that something is cut.
            tokenised = row_tokens.tokenised(texts, list(map(prompt_row, rows)), selection.source.max_length)
            kept = [
                {**_record(row, selection.source.kind), training_rows.POSITION: counts.rows - 1}
                for row in tokenised
                if _learns(row, selection, counts)
            ]
            writer.write_batch(pyarrow.RecordBatch.from_pylist(kept, schema=schema))
    for note in texts.notes():
        events.append(out, events.Note(message=note))
    file.with_suffix(".json").write_text(json.dumps(asdict(counts)))
    partial.rename(file)
    return counts


def _learns(row: Tokenised, selection: Selection, counts: Counts) -> bool:
    """Adds the row to the counts; says whether it is learnt from."""
    if not row.refusal and selection.whole and row.is_cut(selection.source):
        counts.rows += 1
        counts.untrainable += 1
        return False
    return row_tokens.count(row, selection.source, counts)


def _record(row: Tokenised, kind: str) -> dict[str, Any]:
    first = row.sides[0]
    match kind:
        case "preference":
            second = row.sides[1]
            return {
                "chosen_ids": first.ids,
                "chosen_labels": first.labels,
                "rejected_ids": second.ids,
                "rejected_labels": second.labels,
            }
        case "unpaired":
            return {"input_ids": first.ids, "labels": first.labels, "label": row.row["label"]}
    extra, messages = json.dumps(row.row.get("extra") or {}), json.dumps(row.row["prompt"])
    return {"prompt_ids": first.ids, "extra": extra, "messages": messages}


def nothing_to_learn(counts: Counts, selection: Selection) -> contract.WorkFailedError:
    """Why not one row is left, with the likeliest remedy."""
    message = f"None of the dataset's {counts.rows:,} rows can be learnt from."
    if counts.refused:
        hint = f"The model's chat template refuses {counts.refused:,} of them: {counts.refusal}"
    else:
        hint = (
            f"Within {selection.source.max_length} tokens no row has what is to be judged. Raise max_length, and check "
            "that answers are not empty and not all alike."
        )
    return contract.WorkFailedError("data", message, hint)


def notes(counts: Counts, selection: Selection) -> list[events.Note]:
    """What a person should know about rows that are not, or not wholly, learnt from."""
    if not (selection.whole and counts.untrainable):
        return training_rows.notes(counts, selection.source)
    message = (
        f"{counts.untrainable:,} rows are longer than {selection.source.max_length} tokens, or empty, and left out."
    )
    other_notes = training_rows.notes(Counts(refused=counts.refused, refusal=counts.refusal), selection.source)
    return [events.Note(level="warning", message=message), *other_notes]
