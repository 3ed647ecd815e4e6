"""A tokenizer whose files say everything themselves, read without transformers: milliseconds instead of four seconds.

transformers knows defaults for its named tokenizer classes and for older files. Where any of that could matter nothing
is said here, and transformers is asked (`vocabulary.prepared`).
"""

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from engine.errors import RefusedError
from engine.weights import files
from engine.workers.tokens.vocabulary import TOKENIZER, Vocabulary

GENERIC = ("TokenizersBackend", "PreTrainedTokenizerFast")  # classes without defaults of their own
OLDER_FILES = ("special_tokens_map.json", "added_tokens.json", "chat_template.json", "additional_chat_templates")
SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
MORE_SPECIAL = ("extra_special_tokens", "additional_special_tokens")


def read(model: Path) -> Vocabulary | None:
    """The vocabulary in a model's folder; None where transformers has to be asked."""
    try:
        config = files.read_json(model, "tokenizer_config.json")
        path = files.plain_file(model, TOKENIZER)
    except RefusedError:
        return None
    if config is None or path is None or not _says_all(model, config):
        return None
    special = {name: text for name in SPECIAL if (text := _text(config.get(name))) is not None}
    tokens = Tokenizer.from_file(str(path))
    if any(tokens.token_to_id(text) is None for text in special.values()):
        return None  # transformers adds it
    added = [token.content for token in tokens.get_added_tokens_decoder().values() if token.special]
    specials = sorted({*added, *special.values()}, key=lambda text: (-len(text), text))
    return Vocabulary(tokens, _template(model, config), special, tuple(specials))


def _says_all(model: Path, config: dict[str, Any]) -> bool:
    generic = config.get("tokenizer_class") in GENERIC
    has_more = any(config.get(name) for name in (*MORE_SPECIAL, "added_tokens_decoder"))
    return generic and not has_more and not any((model / name).exists() for name in OLDER_FILES)


def _text(token: Any) -> str | None:
    """A special token is a text, or an object with its text as `content`."""
    text = token.get("content") if isinstance(token, dict) else token
    return text if isinstance(text, str) else None


def _template(model: Path, config: dict[str, Any]) -> Any:
    own = files.read_text(model, "chat_template.jinja", files.MAX_JSON_BYTES)
    template = config.get("chat_template") if own is None else own
    if isinstance(template, list):
        return {entry["name"]: entry["template"] for entry in template}
    return template
