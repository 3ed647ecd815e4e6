"""The two that are compared, made ready to be asked: weights in memory, tokenizer, the words in which rows are put.

Adapters of one base are loaded once, and switched off for the base itself, by the server's own code. Whole models are
loaded one after the other.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from engine.serve.adapter_files import BEFORE_EACH_ROW
from engine.weights import files
from engine.workers.contract import WorkFailedError
from engine.workers.evaluate import tokens_before
from engine.workers.evaluate.tokens_before import Prompted
from engine.workers.serve import load
from engine.workers.serve.load import Voice
from engine.workers.tokens import row_tokens
from engine.workers.tokens.chat_spans import PLAIN_TEMPLATE
from engine.workers.tokens.row_texts import Source, Texts
from engine.workers.tokens.row_tokens import Tokenised
from engine.workers.tokens.vocabulary import Vocabulary
from engine.workers.tuning.model import load_tokenizer

NAMES = ("base", "tuned")
TOKENIZER = "tokenizer_config.json"
LONGEST_READ = 4096  # tokens of a row whose loss is taken


@dataclass(frozen=True)
class Words:
    """How one side reads rows: its tokenizer and its template. No weights are needed for that."""

    tokenizer: Any
    vocabulary: Vocabulary

    @classmethod
    def of(cls, side: Mapping[str, Any], other: Mapping[str, Any]) -> "Words":
        """A base that has no template is asked in the one that its tuned model was trained with."""
        tokenizer = load_tokenizer(_tokenizer_folder(side))
        if tokenizer.chat_template is None:
            tokenizer.chat_template = load_tokenizer(_tokenizer_folder(other)).chat_template
        return cls(tokenizer, Vocabulary.of(tokenizer))

    def asks(self, rows: Sequence[Mapping[str, Any]], is_chat: bool) -> list[list[int] | None]:
        """The tokens of each question, up to where the answer begins; None for what the template refuses.

        A row has `turns` and `tools`. Without a template, a question of one turn is asked as plain text, unless
        `is_chat`: then a plain template is used, as in training.
        """
        if self.vocabulary.template is None and not is_chat:
            encodings = self.vocabulary.encode([row["turns"][-1]["content"] for row in rows], add_special_tokens=True)
            return [list(encoding.ids) or None for encoding in encodings]
        texts = Texts(self.vocabulary, Source(Path(), "prompt", LONGEST_READ, answers_only=True))
        asked = [{"prompt": row["turns"], "tools": row["tools"]} for row in rows]
        tokenised = row_tokens.tokenised(texts, asked, 1 << 20)
        return [row.sides[0].ids.tolist() if row.sides and len(row.sides[0].ids) else None for row in tokenised]

    def reads(self, rows: Sequence[Mapping[str, Any]], kind: str, longest: int) -> list[Tokenised]:
        """Rows with their answers, and which tokens are the answer's."""
        texts = Texts(self.vocabulary, Source(Path(), kind, longest, answers_only=True))
        return row_tokens.tokenised(texts, rows, longest)

    @property
    def template(self) -> str:
        return str(self.vocabulary.template or PLAIN_TEMPLATE)

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""
        return [len(encoding) for encoding in self.vocabulary.encode(texts, add_special_tokens=False)]


def _tokenizer_folder(side: Mapping[str, Any]) -> Path:
    adapter = side["adapter_path"]
    return Path(adapter) if adapter and (Path(adapter) / TOKENIZER).is_file() else Path(side["model_path"])


def context_of(side: Mapping[str, Any], words: Words) -> int:
    """Tokens of the longest text that the model reads."""
    config = files.read_json(Path(side["model_path"]), "config.json") or {}
    inner = config.get("text_config") if isinstance(config.get("text_config"), dict) else config
    limits = [(inner or {}).get("max_position_embeddings"), words.tokenizer.model_max_length]
    return min([int(limit) for limit in limits if limit] or [LONGEST_READ])


def together(spec: Mapping[str, Any]) -> list[list[str]]:
    """Which sides are loaded at once: both where one is the other without its adapter, or both are adapters."""
    base, tuned = spec["base"], spec["tuned"]
    shares = base["model_path"] == tuned["model_path"]
    by_layers = all(side["adapter_path"] is None or _by_layers(side) for side in (base, tuned))
    return [[*NAMES]] if shares and by_layers and not base["scores"] else [[name] for name in NAMES]


def _by_layers(side: Mapping[str, Any]) -> bool:
    config = files.read_json(Path(side["adapter_path"]), "adapter_config.json") or {}
    return str(config.get("peft_type")).upper() not in BEFORE_EACH_ROW


@contextmanager
def opened(
    spec: Mapping[str, Any], names: Sequence[str], words: Mapping[str, Words], settings: Mapping[str, Any]
) -> Iterator[dict[str, Voice | Prompted]]:
    """The sides of these names in memory while the block lasts, by name. Raises WorkFailedError for what is not there.

    `settings`: the device, and the dtype in which they are computed, as the studio's server does.
    """
    adapters = {name: spec[name]["adapter_path"] for name in names if spec[name]["adapter_path"]}
    asked = {
        "model_path": spec[names[0]]["model_path"],
        "adapters": adapters,
        "names": {name: name if name in adapters else load.BASE for name in names},
        **settings,
    }
    voices: dict[str, Voice | Prompted] = {}
    try:
        if any(not _by_layers(spec[name]) for name in adapters):
            voices = {names[0]: _prompted(spec[names[0]], words[names[0]], settings)}
        else:
            voices = dict(load.load(asked).voices)
        yield voices
    except (OSError, SafetensorError) as error:
        hint = "Fetch or add the model again on the Models page."
        raise WorkFailedError("data", f"A model cannot be loaded: {error}"[:800], hint) from error
    finally:
        voices.clear()
        release()


def _prompted(side: Mapping[str, Any], words: Words, settings: Mapping[str, Any]) -> Prompted:
    dtype = getattr(torch, settings["dtype"])
    folders = Path(side["model_path"]), Path(side["adapter_path"])
    return tokens_before.opened(*folders, words.tokenizer, settings["device"], dtype)


def release() -> None:
    """Gives the memory back of what nobody holds any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def refuse_missing(spec: Mapping[str, Any]) -> None:
    """Raises WorkFailedError where the files of a side are gone, before anything else takes time."""
    for name in NAMES:
        side = spec[name]
        for folder, file in ((side["model_path"], "config.json"), (side["adapter_path"], "adapter_config.json")):
            if folder and not (Path(folder) / file).is_file():
                message = f"The files of `{side['title']}` are gone from the disk."
                raise WorkFailedError("data", message, "Fetch or add the model again on the Models page.")
