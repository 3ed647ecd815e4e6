"""Text files that go with a question: each in a fenced block under its name, in whatever encoding it was saved.

Small ones only: a model reads all of it with each answer. Pictures are refused, since no model of the studio sees.
"""

import re
from collections.abc import Sequence
from pathlib import Path, PurePath

from engine import hidden, sizes
from engine.data.incoming_files import file_name
from engine.errors import RefusedError
from engine.rows.errors import UnreadableError
from engine.rows.readers import choose
from engine.rows.readers.source import Source

MOST_FILES = 5
MOST_BYTES = 200_000  # of a file
MOST_CHARACTERS = 60_000  # of all files of a question: some 15,000 tokens of English, more of other languages
LANGUAGES = {
    ".txt": "", ".md": "markdown", ".csv": "csv", ".tsv": "", ".json": "json", ".jsonl": "json", ".py": "python",
    ".js": "javascript", ".sql": "sql", ".sh": "bash", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml",
    ".xml": "xml", ".log": "",
}  # fmt: skip
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".svg", ".heic", ".tif", ".tiff")
_TICKS = re.compile(r"`{3,}")


def question(text: str, files: Sequence[tuple[Path, str]]) -> str:
    """The question with the files behind it, each with its own name.

    Raises RefusedError, which names the file: too many, too large, no text, no file that is read here.
    """
    if len(files) > MOST_FILES:
        raise RefusedError(f"{len(files)} files are too many for a question.", f"Attach at most {MOST_FILES}.")
    blocks = [fenced(file_name(name), _text(path, file_name(name))) for path, name in files]
    if (length := sum(map(len, blocks))) > MOST_CHARACTERS:
        hint = f"A question takes {MOST_CHARACTERS:,}: attach the part that matters."
        raise RefusedError(f"The files have {length:,} characters.", hint)
    return "\n\n".join([text.strip(), *blocks] if text.strip() else blocks)


def fenced(name: str, text: str) -> str:
    """A file as Markdown: its name, and its text in a fence that nothing in the text can close."""
    fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(text)), default=0))
    shown = hidden.escaped(name).replace("`", "'")
    return f"`{shown}`\n\n{fence}{LANGUAGES[_suffix(name)]}\n{text.rstrip()}\n{fence}"


def _suffix(name: str) -> str:
    """The ending of a name, which says how it is read. Raises RefusedError for one that is not."""
    suffix = PurePath(name.lower()).suffix
    if suffix in PICTURES:
        raise RefusedError(f"`{name}` is a picture, and the models here do not see.", "Describe it in words.")
    if suffix not in LANGUAGES:
        hint = f"Text files go with a question: {', '.join(LANGUAGES)}."
        raise RefusedError(f"`{name}` cannot be attached.", hint)
    return suffix


def _text(path: Path, name: str) -> str:
    """What the file says. The encoding is found by its letters, as that of an imported file is."""
    _suffix(name)
    size = path.stat().st_size
    if size > MOST_BYTES:
        hint = f"At most {sizes.in_words(MOST_BYTES)} go with a question. Cut out the part that matters."
        raise RefusedError(f"`{name}` has {sizes.in_words(size)}.", hint)
    try:
        source = Source(path)
    except UnreadableError as error:
        raise RefusedError(f"`{name}` cannot be attached: {error.message}", error.hint) from error
    try:
        if source.packed or choose.is_binary(source.text_head()):
            raise RefusedError(f"`{name}` does not hold text.", "Save it as text, in UTF-8 if you can.")
        return b"".join(source.chunks()).decode("utf-8", "replace").replace("\r\n", "\n")
    finally:
        source.close()
