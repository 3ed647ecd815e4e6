"""What is called in llama.cpp's library, and the structures that go in.

Only functions whose arguments have kept their shape for years are called, and of the structures with options only the
first fields are known here: the rest stays as the library itself has set it.
"""

import ctypes
from typing import Any

Pointer = ctypes.c_void_p
REST_BYTES = 1024  # more than the rest of any of these structures


class QuantizeOptions(ctypes.Structure):
    """The beginning of llama_model_quantize_params."""

    _fields_ = [("threads", ctypes.c_int32), ("ftype", ctypes.c_int32), ("rest", ctypes.c_byte * REST_BYTES)]


class ModelOptions(ctypes.Structure):
    """llama_model_params, taken as they are."""

    _fields_ = [("rest", ctypes.c_byte * REST_BYTES)]


class ContextOptions(ctypes.Structure):
    """The beginning of llama_context_params."""

    _fields_ = [("tokens", ctypes.c_uint32), ("batch", ctypes.c_uint32), ("ubatch", ctypes.c_uint32),
                ("sequences", ctypes.c_uint32), ("rest", ctypes.c_byte * REST_BYTES)]  # fmt: skip


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


LogCallback = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
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
    "llama_vocab_eos": (ctypes.c_int32, [Pointer]),
    "llama_vocab_type": (ctypes.c_int32, [Pointer]),
    "llama_vocab_get_attr": (ctypes.c_int32, [Pointer, ctypes.c_int32]),
    "llama_vocab_get_text": (ctypes.c_char_p, [Pointer, ctypes.c_int32]),
    "llama_model_n_ctx_train": (ctypes.c_int32, [Pointer]),
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
    "llama_memory_seq_rm": (ctypes.c_bool, [Pointer, ctypes.c_int32, ctypes.c_int32, ctypes.c_int32]),
    "llama_get_logits_ith": (ctypes.POINTER(ctypes.c_float), [Pointer, ctypes.c_int32]),
    "llama_adapter_lora_init": (Pointer, [Pointer, ctypes.c_char_p]),
    "llama_set_adapters_lora": (
        ctypes.c_int32,
        [Pointer, ctypes.POINTER(Pointer), ctypes.c_size_t, ctypes.POINTER(ctypes.c_float)],
    ),
    "llama_log_set": (None, [LogCallback, ctypes.c_void_p]),
    "llama_free": (None, [Pointer]),
    "llama_model_free": (None, [Pointer]),
}  # fmt: skip
