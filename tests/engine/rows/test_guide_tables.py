"""The guide to formats says what the code does. To write it anew: `python -m tests.engine.rows.test_guide_tables`."""

from engine.rows.mapping import guide_tables
from tests.conftest import ROOT

FILE = ROOT / "docs/guide/formats.md"


def test_the_tables_of_the_guide_are_those_of_the_code() -> None:
    assert FILE.read_text(encoding="utf-8") == guide_tables.filled(FILE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    FILE.write_text(guide_tables.filled(FILE.read_text(encoding="utf-8")), encoding="utf-8")
