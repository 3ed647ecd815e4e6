"""llama.cpp's own library by ctypes: a GGUF opened, its prompts tokenised, its tokens weighed; files quantised.

Only functions whose arguments have kept their shape for years are called, and of the structures with options only the
first fields are known here: the rest stays as the library itself has set it.
"""

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pointer = ctypes.c_void_p
REST_BYTES = 1024  # more than the rest of any of these structures
PIECE_BYTES = 64
FTYPES = {
    "Q8_0": 7,
    "Q3_K_M": 12,
    "Q4_K_S": 14,
    "Q4_K_M": 15,
    "Q5_K_S": 16,
    "Q5_K_M": 17,
    "Q6_K": 18,
}  # fmt: skip  (as llama.h numbers them)


class QuantizeOptions(ctypes.Structure):
    """The beginning of llama_model_quantize_params."""

    _fields_ = [("threads", ctypes.c_int32), ("ftype", ctypes.c_int32), ("rest", ctypes.c_byte * REST_BYTES)]


class ModelOptions(ctypes.Structure):
    """llama_model_params, taken as they are."""

    _fields_ = [("rest", ctypes.c_byte * REST_BYTES)]


class ContextOptions(ctypes.Structure):
    """The beginning of llama_context_params."""

    _fields_ = [("tokens", ctypes.c_uint32), ("batch", ctypes.c_uint32), ("ubatch", ctypes.c_uint32),
                ("rest", ctypes.c_byte * REST_BYTES)]  # fmt: skip


class Batch(ctypes.Structure):
    """llama_batch: tokens with their places, and which of them are to say what comes next."""

    _fields_ = [
        ("n_tokens", ctypes.c_int32),
        ("token", ctypes.POINTER(ctypes.c_int32)),
        ("embd", ctypes.POINTER(ctypes.c_float)),
        ("pos", ctypes.POINTER(ctypes.c_int32)),
        ("n_seq_id", ctypes.POINTER(ctypes.c_int32)),
        ("seq_id", ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
        ("logits", ctypes.POINTER(ctypes.c_int8)),
    ]


SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "llama_model_quantize_default_params": (QuantizeOptions, []),
    "llama_model_quantize": (ctypes.c_uint32, [ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(QuantizeOptions)]),
    "llama_model_default_params": (ModelOptions, []),
    "llama_context_default_params": (ContextOptions, []),
    "llama_model_load_from_file": (Pointer, [ctypes.c_char_p, ModelOptions]),
    "llama_init_from_model": (Pointer, [Pointer, ContextOptions]),
    "llama_set_n_threads": (None, [Pointer, ctypes.c_int32, ctypes.c_int32]),
    "llama_model_get_vocab": (Pointer, [Pointer]),
    "llama_vocab_n_tokens": (ctypes.c_int32, [Pointer]),
    "llama_vocab_is_eog": (ctypes.c_bool, [Pointer, ctypes.c_int32]),
    "llama_vocab_get_add_bos": (ctypes.c_bool, [Pointer]),
    "llama_vocab_bos": (ctypes.c_int32, [Pointer]),
    "llama_model_chat_template": (ctypes.c_char_p, [Pointer, ctypes.c_char_p]),
    "llama_tokenize": (
        ctypes.c_int32,
        [Pointer, ctypes.c_char_p, ctypes.c_int32, ctypes.POINTER(ctypes.c_int32), ctypes.c_int32, ctypes.c_bool,
         ctypes.c_bool],
    ),
    "llama_token_to_piece": (
        ctypes.c_int32,
        [Pointer, ctypes.c_int32, ctypes.c_char_p, ctypes.c_int32, ctypes.c_int32, ctypes.c_bool],
    ),
    "llama_batch_init": (Batch, [ctypes.c_int32, ctypes.c_int32, ctypes.c_int32]),
    "llama_batch_free": (None, [Batch]),
    "llama_decode": (ctypes.c_int32, [Pointer, Batch]),
    "llama_n_batch": (ctypes.c_uint32, [Pointer]),
    "llama_n_ctx": (ctypes.c_uint32, [Pointer]),
    "llama_get_memory": (Pointer, [Pointer]),
    "llama_memory_clear": (None, [Pointer, ctypes.c_bool]),
    "llama_get_logits_ith": (ctypes.POINTER(ctypes.c_float), [Pointer, ctypes.c_int32]),
    "llama_adapter_lora_init": (Pointer, [Pointer, ctypes.c_char_p]),
    "llama_set_adapters_lora": (
        ctypes.c_int32,
        [Pointer, ctypes.POINTER(Pointer), ctypes.c_size_t, ctypes.POINTER(ctypes.c_float)],
    ),
    "llama_free": (None, [Pointer]),
    "llama_model_free": (None, [Pointer]),
}  # fmt: skip


def load(folder: Path) -> ctypes.CDLL:
    """libllama, after what it needs: each is found by its own name, which carries a version. Raises OSError."""
    ctypes.CDLL(str(folder / "libggml-base.so"), mode=ctypes.RTLD_GLOBAL)
    ggml = ctypes.CDLL(str(_versioned(folder, "libggml")), mode=ctypes.RTLD_GLOBAL)
    ggml.ggml_backend_load_all_from_path.argtypes = [ctypes.c_char_p]
    ggml.ggml_backend_load_all_from_path(str(folder).encode())
    llama = ctypes.CDLL(str(_versioned(folder, "libllama")))
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(llama, name)
        function.restype, function.argtypes = result, arguments
    llama.llama_backend_init()
    return llama


def _versioned(folder: Path, name: str) -> Path:
    path = next(folder.glob(f"{name}.v*.so"), None)
    if path is None:
        raise OSError(f"{folder} has no {name}")
    return path


def quantise(llama: ctypes.CDLL, source: Path, target: Path, ftype: str, threads: int = 0) -> None:
    """Writes a GGUF in fewer bits. Raises RuntimeError with the library's code."""
    options = llama.llama_model_quantize_default_params()
    options.ftype, options.threads = FTYPES[ftype], threads
    if code := llama.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(options)):
        raise RuntimeError(f"llama_model_quantize ended with {code}")


class Opened:
    """A GGUF in memory, with room for `tokens`. Used as a block of `opened`, which frees it."""

    def __init__(self, llama: ctypes.CDLL, file: Path, adapter: Path | None, tokens: int, threads: int) -> None:
        self._llama, self._held = llama, list[Any]()
        self._model = llama.llama_model_load_from_file(str(file).encode(), llama.llama_model_default_params())
        if not self._model:
            raise RuntimeError(f"llama.cpp cannot open {file.name}")
        self._vocab = llama.llama_model_get_vocab(self._model)
        self._context = self._begin(tokens, threads)
        if adapter is not None:
            self._add(adapter)
        self.vocabulary_size = int(llama.llama_vocab_n_tokens(self._vocab))

    def _begin(self, tokens: int, threads: int) -> Any:
        options = self._llama.llama_context_default_params()
        options.tokens = options.batch = options.ubatch = tokens
        context = self._llama.llama_init_from_model(self._model, options)
        if not context or self._llama.llama_n_ctx(context) < tokens or self._llama.llama_n_batch(context) < tokens:
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
        return bool(self._llama.llama_vocab_get_add_bos(self._vocab))

    def ends(self, token: int) -> bool:
        """Whether llama.cpp takes a token for the end of an answer."""
        return bool(self._llama.llama_vocab_is_eog(self._vocab, token))

    def tokens(self, text: str) -> list[int]:
        """A text as llama.cpp reads it, its first token and its markers included."""
        data = text.encode()
        room = len(data) + 8
        ids = (ctypes.c_int32 * room)()
        count = self._llama.llama_tokenize(self._vocab, data, len(data), ids, room, True, True)
        if count < 0:
            raise RuntimeError("llama.cpp cannot read a prompt")
        return list(ids[:count])

    @property
    def bos(self) -> bytes:
        """The text of the first token; empty where there is none."""
        token = int(self._llama.llama_vocab_bos(self._vocab))
        if token < 0:
            return b""
        piece = ctypes.create_string_buffer(PIECE_BYTES)
        length = self._llama.llama_token_to_piece(self._vocab, token, piece, PIECE_BYTES, 0, True)
        return piece.raw[: max(length, 0)]

    def forget(self) -> None:
        """Begins a new text."""
        self._llama.llama_memory_clear(self._llama.llama_get_memory(self._context), True)

    def logits(self, tokens: Sequence[int], place: int, every: bool) -> NDArray[np.float32]:
        """What comes after each of the tokens (`every`), or after the last: (tokens or 1, vocabulary).

        `place` is how many tokens of this text it has read already. Raises RuntimeError with the library's code.
        """
        batch = self._llama.llama_batch_init(len(tokens), 0, 1)
        try:
            batch.n_tokens, last = len(tokens), len(tokens) - 1
            for index, token in enumerate(tokens):
                batch.token[index], batch.pos[index], batch.n_seq_id[index] = token, place + index, 1
                batch.seq_id[index][0], batch.logits[index] = 0, int(every or index == last)
            if code := self._llama.llama_decode(self._context, batch):
                raise RuntimeError(f"llama_decode ended with {code}")
        finally:
            self._llama.llama_batch_free(batch)
        places = range(len(tokens)) if every else [last]
        rows = [self._llama.llama_get_logits_ith(self._context, index) for index in places]
        return np.stack([np.ctypeslib.as_array(row, (self.vocabulary_size,)).copy() for row in rows])


@contextmanager
def opened(
    llama: ctypes.CDLL, file: Path, adapter: Path | None = None, *, tokens: int = 512, threads: int = 1
) -> Iterator[Opened]:
    """A GGUF, and an adapter on it, as long as the block lasts. Raises RuntimeError when llama.cpp cannot open it."""
    model = Opened(llama, file, adapter, tokens, threads)
    try:
        yield model
    finally:
        model.close()
