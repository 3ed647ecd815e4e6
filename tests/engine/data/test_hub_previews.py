"""Previews of hub datasets: the first rows, by the real worker, without the rest of the files."""

import gzip
from pathlib import Path

import pytest

from engine.data import previews
from engine.errors import TunesmithError
from engine.process import work
from tests.engine.data.test_hub import ROW, address, hub, parquet, repos, requests  # noqa: F401  (fixtures)

MB = 1_000_000


@pytest.fixture
def large(repos: Path) -> None:  # noqa: F811
    """A repository with files that nobody wants to fetch for a look."""
    repo = repos / "owner" / "large"
    repo.mkdir(exist_ok=True)
    (repo / "lines.jsonl").write_text(ROW * (12 * MB // len(ROW)))
    (repo / "packed.jsonl.gz").write_bytes(gzip.compress((ROW * 300).encode()))
    (repo / "README.md").write_text(
        "---\nconfigs:\n"
        "- {config_name: lines, data_files: lines.jsonl}\n"
        "- {config_name: packed, data_files: packed.jsonl.gz}\n---\n"
    )


@pytest.mark.usefixtures("hub", "large")
def test_the_first_rows_of_a_hub_dataset_are_seen_before_it_is_fetched(repos: Path) -> None:  # noqa: F811
    looks = {
        name: previews.begin_hub(f"owner/{repo}", name)
        for name, repo in (("plain", "name"), ("lines", "large"), ("packed", "large"), ("nowhere", "name"))
    }
    plain = previews.wait(looks["plain"], 60)
    assert (plain.facts["kind"], plain.facts["exact"]) == ("completion", False)
    assert plain.facts["rows"] > 2000  # by the sizes of both files
    assert plain.rows[0]["values"]["prompt"] == "q0"
    assert plain.facts["hub"]["split"] == "train"

    lines = previews.wait(looks["lines"], 60)
    assert lines.facts["rows"] == pytest.approx(12 * MB / len(ROW), rel=0.02)
    assert lines.facts["files"][0]["bytes"] > 11 * MB
    packed = previews.wait(looks["packed"], 60)
    assert (packed.facts["rows"], packed.facts["exact"]) == (300, True)
    with pytest.raises(TunesmithError, match="no configuration `nowhere`"):
        previews.wait(looks["nowhere"], 60)

    ranges = [line.split("bytes=")[1] for line in requests(repos).splitlines() if "lines.jsonl" in line]
    assert ranges == ["0-2097151"]
    assert not list(work.folder(looks["lines"]).glob("head"))
