"""The guide to formats says what the code does. To write its tables anew: `python -m tests.engine.test_data_guide`."""

from engine.data import guide
from tests.conftest import ROOT

FILE = ROOT / "docs/guide/formats.md"


def test_the_tables_of_the_guide_are_those_of_the_code() -> None:
    assert FILE.read_text(encoding="utf-8") == guide.filled(FILE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    FILE.write_text(guide.filled(FILE.read_text(encoding="utf-8")), encoding="utf-8")
