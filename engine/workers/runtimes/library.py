"""llama.cpp's own library by ctypes: a GGUF opened, its prompts tokenised, its tokens weighed; files quantised.

What is called stands in llama_header.
"""

import ctypes
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.workers.runtimes.llama_header import SIGNATURES, LogCallback, Pointer

PIECE_BYTES = 64
DEFAULT_TOKENS = 4096
WORTH_SAYING = (3, 4)  # GGML_LOG_LEVEL_WARN, GGML_LOG_LEVEL_ERROR
CONTROL = 1 << 3  # LLAMA_TOKEN_ATTR_CONTROL
SENTENCEPIECE = 1  # LLAMA_VOCAB_TYPE_SPM
FTYPES = {
    "Q8_0": 7,
    "Q3_K_M": 12,
    "Q4_K_S": 14,
    "Q4_K_M": 15,
    "Q5_K_S": 16,
    "Q5_K_M": 17,
    "Q6_K": 18,
}  # fmt: skip  (as llama.h numbers them)


@LogCallback
def _SAY(level: int, text: bytes, _data: int) -> None:  # noqa: N802  (a constant: the library keeps its address)
    """What the library says of trouble; the rest would be a thousand lines for each model."""
    if level in WORTH_SAYING:
        sys.stderr.write(text.decode("utf-8", "replace"))


def load(folder: Path) -> ctypes.CDLL:
    """libllama, after what it needs: each is found by its own name. Raises OSError."""
    ctypes.CDLL(str(folder / "libggml-base.so"), mode=ctypes.RTLD_GLOBAL)
    ggml = ctypes.CDLL(str(_named(folder, "libggml")), mode=ctypes.RTLD_GLOBAL)
    ggml.ggml_backend_load_all_from_path.argtypes = [ctypes.c_char_p]
    ggml.ggml_backend_load_all_from_path(str(folder).encode())
    llama = ctypes.CDLL(str(_named(folder, "libllama")))
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(llama, name)
        function.restype, function.argtypes = result, arguments
    llama.llama_log_set(_SAY, None)
    llama.llama_backend_init()
    return llama


def _named(folder: Path, name: str) -> Path:
    """A prebuilt library, whose name carries a version, or one that was built here."""
    path = next(folder.glob(f"{name}.v*.so"), folder / f"{name}.so")
    if not path.is_file():
        raise OSError(f"{folder} has no {name}")
    return path


def quantise(llama: ctypes.CDLL, source: Path, target: Path, ftype: str, threads: int = 0) -> None:
    """Writes a GGUF in fewer bits. Raises RuntimeError with the library's code."""
    options = llama.llama_model_quantize_default_params()
    options.ftype, options.threads = FTYPES[ftype], threads
    if code := llama.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(options)):
        raise RuntimeError(f"llama_model_quantize ended with {code}")


@dataclass(frozen=True)
class Given:
    """A token that is read: its place in its text, which text that is, and whether it is to say what comes next."""

    token: int
    place: int
    sequence: int = 0
    asks: bool = False


@dataclass(frozen=True)
class Room:
    """What a context has room for: tokens of one text, texts side by side, and tokens that are read at once.

    `tokens` of 0: as many as the model was trained with, but no more than DEFAULT_TOKENS, as memory is taken for all.
    """

    tokens: int
    sequences: int = 1
    batch: int = 0  # 0: a whole text


def _token(token: int) -> int | None:
    return int(token) if token >= 0 else None


class Opened:
    """A GGUF in memory, with a context. Used as a block of `opened`, which frees it."""

    def __init__(self, llama: ctypes.CDLL, file: Path, adapter: Path | None, room: Room, threads: int) -> None:
        self._llama, self._held = llama, list[Any]()
        self._model = llama.llama_model_load_from_file(str(file).encode(), llama.llama_model_default_params())
        if not self._model:
            raise RuntimeError(f"llama.cpp cannot open {file.name}")
        self.vocab = llama.llama_model_get_vocab(self._model)
        self.room = self._fitting(room)
        self._context = self._begin(threads)
        if adapter is not None:
            self._add(adapter)
        self.vocabulary_size = int(llama.llama_vocab_n_tokens(self.vocab))

    def _fitting(self, room: Room) -> Room:
        trained = int(self._llama.llama_model_n_ctx_train(self._model))
        tokens = room.tokens or min(DEFAULT_TOKENS, trained)
        return replace(room, tokens=tokens, batch=min(room.batch or tokens, tokens))

    def _begin(self, threads: int) -> Any:
        options, tokens = self._llama.llama_context_default_params(), self.room.tokens * self.room.sequences
        options.tokens, options.sequences = tokens, self.room.sequences
        options.batch = options.ubatch = self.room.batch
        context = self._llama.llama_init_from_model(self._model, options)
        if not context or self._llama.llama_n_ctx(context) < tokens:
            raise RuntimeError(f"llama.cpp made no context of {tokens:,} tokens")
        self._llama.llama_set_n_threads(context, threads, threads)
        return context

    def _add(self, adapter: Path) -> None:
        lora = self._llama.llama_adapter_lora_init(self._model, str(adapter).encode())
        if not lora:
            raise RuntimeError(f"llama.cpp cannot open the adapter {adapter.name}")
        self._held = [(Pointer * 1)(lora), (ctypes.c_float * 1)(1.0)]
        if self._llama.llama_set_adapters_lora(self._context, self._held[0], 1, self._held[1]):
            raise RuntimeError(f"llama.cpp cannot use the adapter {adapter.name}")

    def close(self) -> None:
        """Frees its memory; an adapter goes with its model."""
        self._llama.llama_free(self._context)
        self._llama.llama_model_free(self._model)

    @property
    def template(self) -> str | None:
        """The chat template in the file."""
        text: bytes | None = self._llama.llama_model_chat_template(self._model, None)
        return text.decode() if text else None

    @property
    def adds_bos(self) -> bool:
        """Whether llama.cpp puts the first token before every text by itself."""
        return bool(self._llama.llama_vocab_get_add_bos(self.vocab))

    def ends(self, token: int) -> bool:
        """Whether llama.cpp takes a token for the end of an answer."""
        return bool(self._llama.llama_vocab_is_eog(self.vocab, token))

    def tokens(self, text: str, adds_special: bool = True) -> list[int]:
        """A text as llama.cpp reads it, its markers included, and its first token unless `adds_special` is False."""
        data = text.encode()
        room = len(data) + 8
        ids = (ctypes.c_int32 * room)()
        count = self._llama.llama_tokenize(self.vocab, data, len(data), ids, room, adds_special, True)
        if count < 0:
            raise RuntimeError("llama.cpp cannot read a prompt")
        return list(ids[:count])

    @property
    def bos(self) -> bytes:
        """The text of the first token; empty where there is none."""
        token = self.bos_token
        return b"" if token is None else self.piece(token)

    @property
    def bos_token(self) -> int | None:
        """The first token of a text, where the model has one."""
        return _token(self._llama.llama_vocab_bos(self.vocab))

    @property
    def eos_token(self) -> int | None:
        """The token that ends a text, where the model has one."""
        return _token(self._llama.llama_vocab_eos(self.vocab))

    @property
    def is_sentencepiece(self) -> bool:
        """Whether a blank stands before the first word of a text, which is not shown."""
        return int(self._llama.llama_vocab_type(self.vocab)) == SENTENCEPIECE

    def piece(self, token: int) -> bytes:
        """A token as text, markers too. Long ones are asked for a second time, with the room that they need."""
        length, room = -PIECE_BYTES, 0
        while length < 0 and room < -length:
            room = -length
            piece = ctypes.create_string_buffer(room)
            length = int(self._llama.llama_token_to_piece(self.vocab, token, piece, room, 0, True))
        return piece.raw[: max(length, 0)]

    def written(self, token: int) -> str:
        """A token as the vocabulary writes it."""
        text: bytes | None = self._llama.llama_vocab_get_text(self.vocab, token)
        return (text or b"").decode("utf-8", "replace")

    def is_marker(self, token: int) -> bool:
        """Whether a token stands for no text, such as the one that ends an answer."""
        return bool(int(self._llama.llama_vocab_get_attr(self.vocab, token)) & CONTROL)

    @property
    def tokenize_address(self) -> int:
        """Of llama_tokenize, for a library that calls it."""
        address = ctypes.cast(self._llama.llama_tokenize, ctypes.c_void_p).value
        return address or 0

    def forget(self, sequence: int | None = None) -> None:
        """Begins a new text; all of them anew where none is named."""
        memory = self._llama.llama_get_memory(self._context)
        if sequence is None:
            self._llama.llama_memory_clear(memory, True)
        else:
            self._llama.llama_memory_seq_rm(memory, sequence, -1, -1)

    def logits(self, tokens: Sequence[int], place: int, every: bool) -> NDArray[np.float32]:
        """What comes after each of the tokens (`every`), or after the last: (tokens or 1, vocabulary).

        `place` is how many tokens of this text it has read already. Raises RuntimeError with the library's code.
        """
        last = len(tokens) - 1
        return self.read(
            [Given(token, place + index, asks=every or index == last) for index, token in enumerate(tokens)]
        )

    def read(self, given: Sequence[Given]) -> NDArray[np.float32]:
        """Reads tokens of one or several texts: (those that ask, vocabulary). Raises RuntimeError."""
        batch = self._llama.llama_batch_init(len(given), 0, 1)
        try:
            batch.n_tokens = len(given)
            for index, one in enumerate(given):
                batch.token[index], batch.pos[index], batch.n_seq_id[index] = one.token, one.place, 1
                batch.seq_id[index][0], batch.logits[index] = one.sequence, int(one.asks)
            if code := self._llama.llama_decode(self._context, batch):
                raise RuntimeError(f"llama_decode ended with {code}")
        finally:
            self._llama.llama_batch_free(batch)
        asking = [index for index, one in enumerate(given) if one.asks]
        if not asking:
            return np.empty((0, self.vocabulary_size), np.float32)
        rows = [self._llama.llama_get_logits_ith(self._context, index) for index in asking]
        return np.stack([np.ctypeslib.as_array(row, (self.vocabulary_size,)).copy() for row in rows])


@contextmanager
def opened(
    llama: ctypes.CDLL, file: Path, adapter: Path | None = None, *, room: Room | None = None, threads: int = 1
) -> Iterator[Opened]:
    """A GGUF, and an adapter on it, as long as the block lasts. Raises RuntimeError when llama.cpp cannot open it."""
    model = Opened(llama, file, adapter, room or Room(512), threads)
    try:
        yield model
    finally:
        model.close()
