"""Small datasets of judged answers, as the importer stores them."""

from pathlib import Path
from typing import Any

from engine.rows.store import columnar


def assistant_turns(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def question_turns(number: int) -> list[dict[str, str]]:
    return [{"role": "user", "content": f"What is {number} plus {number}?" + " Please." * (number % 4)}]


def pairs(count: int = 24) -> list[dict[str, Any]]:
    """Preferences of differing lengths."""
    return [
        {
            "prompt": question_turns(n),
            "chosen": assistant_turns(f"{n + n}." * (1 + n % 3)),
            "rejected": assistant_turns(f"No {n} idea, dog!"),
        }
        for n in range(count)
    ]


def labelled(count: int = 24) -> list[dict[str, Any]]:
    """Every third answer is bad."""
    return [
        {
            "prompt": question_turns(n),
            "completion": assistant_turns("Lazy dog." if n % 3 == 0 else f"{n + n}."),
            "label": n % 3 != 0,
        }
        for n in range(count)
    ]


def prompts(count: int = 16) -> list[dict[str, Any]]:
    return [{"prompt": question_turns(n), "extra": {"ground_truth": f"{n + n}"}} for n in range(count)]


def completions(count: int = 16) -> list[dict[str, Any]]:
    return [{"prompt": f"What is {n} plus {n}?", "completion": f"{n + n}"} for n in range(count)]


ROWS = {"completion": completions, "preference": pairs, "unpaired": labelled, "prompt": prompts}


def store_rows(folder: Path, kind: Any, rows: list[dict[str, Any]] | None = None) -> Path:
    """Writes rows of that kind to a file, as an import leaves it."""
    path = folder / f"{kind}.parquet"
    with columnar.Writer(path, kind) as writer:
        for number, row in enumerate(ROWS[kind]() if rows is None else rows, 1):
            writer.add(number, row)
        writer.close()
    return path
