"""A small vocabulary without a model: specs of the token workers, and a studio that has one, without transformers."""

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from engine.data import tokens
from engine.rows.store import columnar
from engine.rows.verdict import Kind
from engine.workers.tokens.vocabulary import Vocabulary
from storage import db, home
from storage.statuses import DatasetStatus, ModelStatus
from storage.tables import Dataset, Model
from tests.tiny import CORPUS, TEMPLATE

SPECIAL = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}


def vocabulary(template: Any = TEMPLATE) -> Vocabulary:
    """Bytes and a few words, with the special tokens of ChatML."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = list(SPECIAL.values())
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(vocab_size=400, special_tokens=specials, initial_alphabet=alphabet, show_progress=False),
    )
    return Vocabulary(tokenizer, template, dict(SPECIAL), tuple(specials))


def turns(*contents: str) -> list[dict[str, Any]]:
    """user, assistant, user, ... in turn."""
    return [{"role": ("user", "assistant")[index % 2], "content": text} for index, text in enumerate(contents)]


def spec(folder: Path, kind: Kind, rows: list[dict[str, Any]], template: Any = TEMPLATE, **changes: Any) -> Any:
    """The spec of a token worker for these rows, whose tokenizer is prepared already."""
    folder.mkdir(parents=True, exist_ok=True)
    with columnar.Writer(folder / "rows.parquet", kind) as writer:
        for number, row in enumerate(rows, 1):
            writer.add(number, row)
        writer.close()
    vocabulary(template).save(folder / "tokenizer")
    settings = {"max_length": 64, "answers_only": True, "offset": 0, "limit": 10} | changes
    paths = {"dataset": str(folder / "rows.parquet"), "model": str(folder), "cache": str(folder / "tokenizer")}
    return {**paths, "kind": kind, **settings}


def furnish(folder: Path, kind: Kind, rows: list[dict[str, Any]], template: Any = TEMPLATE) -> tuple[Dataset, Model]:
    """A ready dataset with these rows, and a ready model whose tokenizer is prepared already."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}")
    path = folder / "rows.parquet"
    with columnar.Writer(path, kind) as writer:
        for number, row in enumerate(rows, 1):
            writer.add(number, row)
        writer.close()
    sha256 = columnar.sha256_of(path)
    path.rename(home.ensure_folder(home.blobs()) / f"{sha256}.parquet")
    ready = DatasetStatus.READY
    dataset = Dataset(project_id="default", name="Rows", status=ready, kind=kind, sha256=sha256, accepted=len(rows))
    model = Model(source="path", source_id=str(folder), name="Tiny <b>", path=str(folder), status=ModelStatus.READY)
    model.context_length, model.has_chat_template = 2048, True
    with db.session() as session:
        session.add(dataset)
        session.add(model)
    vocabulary(template).save(Path(tokens.spec(dataset, model)["cache"]))
    return dataset, model
