"""docs/serving.md has every option of vLLM: `python -m tests.engine.serve.vllm.test_guide` writes them there."""

import re

from engine.serve.vllm.options import VllmOptions
from tests.conftest import ROOT

FILE = ROOT / "docs/serving.md"
TABLE = re.compile(r"(?<=<!-- vllm-options -->\n).*?(?=<!-- /vllm-options -->)", re.DOTALL)


def table() -> str:
    lines = [
        f"| {field.title} | `{name}` | {field.description} |\n" for name, field in VllmOptions.model_fields.items()
    ]
    return "| On the page | In `options` | What it does |\n|---|---|---|\n" + "".join(lines)


def test_the_docs_have_every_option() -> None:
    match = TABLE.search(FILE.read_text())
    assert match
    assert match[0] == table()


if __name__ == "__main__":
    FILE.write_text(TABLE.sub(lambda _: table(), FILE.read_text()))
