"""Small datasets of judged answers, as the importer stores them."""

from pathlib import Path
from typing import Any

from engine.rows.store import columnar


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def asked(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"What is {number} plus {number}?" + " Please." * (number % 4)}]


def pairs(count: int = 24) -> list[dict[str, Any]]:
    """Preferences of differing lengths."""
    return [
        {"prompt": asked(n), "chosen": said(f"{n + n}." * (1 + n % 3)), "rejected": said(f"No {n} idea, dog!")}
        for n in range(count)
    ]


def labelled(count: int = 24) -> list[dict[str, Any]]:
    """Every third answer is bad."""
    return [
        {"prompt": asked(n), "completion": said("Lazy dog." if n % 3 == 0 else f"{n + n}."), "label": n % 3 != 0}
        for n in range(count)
    ]


def prompts(count: int = 16) -> list[dict[str, Any]]:
    return [{"prompt": asked(n), "extra": {"ground_truth": f"{n + n}"}} for n in range(count)]


def completions(count: int = 16) -> list[dict[str, Any]]:
    return [{"prompt": f"What is {n} plus {n}?", "completion": f"{n + n}"} for n in range(count)]


ROWS = {"completion": completions, "preference": pairs, "unpaired": labelled, "prompt": prompts}


def stored(folder: Path, kind: Any, rows: list[dict[str, Any]] | None = None) -> Path:
    """Writes rows of that kind to a file, as an import leaves it."""
    path = folder / f"{kind}.parquet"
    with columnar.Writer(path, kind) as writer:
        for number, row in enumerate(ROWS[kind]() if rows is None else rows, 1):
            writer.add(number, row)
        writer.close()
    return path
