"""Search in rows: the index and the scan find the same, and whatever is typed is only looked for."""

import sqlite3
import unicodedata
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.data import search
from engine.errors import ConflictError
from engine.process import work
from engine.rows.health.batch import batches
from engine.rows.search import lookup
from engine.rows.search.terms import spans, terms
from engine.rows.store.by_position import read_rows
from engine.workers import contract
from engine.workers.data import search_index
from storage import db
from storage.statuses import WorkStatus
from storage.tables import Dataset
from tests.engine.rows.stored_rows import chat, parquet, ready

TEXTS = [
    "The quick brown fox jumps over the lazy dog.",
    "Jalapeños are hot; it's said the FOX would agree.",
    "brown-quick is not quick brown",
    "你好，世界 says the fox",
    "def fox(): return 'AND OR NOT NEAR(x)'",
    "",
    "대한민국의 수도는 서울입니다.",
    unicodedata.normalize("NFD", "수도는 어디인가요?"),
]
ODD = [
    '"',
    '""',
    "*",
    "fox*",
    '"quick',
    "AND",
    "NOT fox",
    "NEAR(a b)",
    "text:fox",
    "-fox",
    "^fox",
    "(",
    "a\x00b",
    "'",
    "\ud800",
]


def the_index(folder: Path) -> Path:
    with closing(sqlite3.connect(folder / lookup.INDEX, isolation_level=None)) as index:
        lookup.prepare(index)
        for batch in batches(parquet(folder / "rows.parquet", "text", [{"text": text} for text in TEXTS]), "text"):
            lookup.add(index, batch.first, lookup.words(batch.text).to_pylist())
    return folder / lookup.INDEX


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    search_folder = tmp_path_factory.mktemp("search")
    the_index(search_folder)
    return search_folder


def both_ways(folder: Path, typed: str) -> list[int]:
    """The positions found; the index and the scan must agree on them."""
    search_terms = terms(typed)
    if not search_terms:
        return []
    count, positions = lookup.indexed(folder / lookup.INDEX, search_terms, 0, 100)
    assert count == len(positions)
    assert lookup.scanned(folder / "rows.parquet", "text", search_terms, 1000)[0] == positions
    return positions


@pytest.mark.parametrize(
    ("typed", "positions"),
    [
        ("fox", [0, 1, 3, 4]),
        ("FOX quick", [0]),
        ('"quick brown"', [0, 2]),
        ('"brown quick"', [2]),
        ("jalapenos", [1]),
        ("jal*", [1]),
        ("jal", []),
        ("it's", [1]),
        ("世界", [3]),
        ("世*", [3]),
        ("not", [2, 4]),
        ("fox -dog", [0]),
        ("수도", [6, 7]),
        (unicodedata.normalize("NFD", "수도는"), [6, 7]),
        ("수도 서울", [6]),
        ("도는", []),
        ('"수도"', []),
        ("!?", []),
        ("", []),
    ],
)
def test_words_phrases_and_beginnings_are_found(folder: Path, typed: str, positions: list[int]) -> None:
    assert both_ways(folder, typed) == positions


@given(st.text(max_size=30) | st.sampled_from(ODD) | st.lists(st.sampled_from(ODD), max_size=4).map(" ".join))
@settings(deadline=None)
def test_nothing_that_is_typed_is_an_error(folder: Path, typed: str) -> None:
    both_ways(folder, typed)
    assert all(0 <= start < end <= len(TEXTS[1]) for start, end in spans(TEXTS[1], terms(typed)))


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_korean_words_are_shown_with_their_particles_however_the_row_writes_them(form: str) -> None:
    text = unicodedata.normalize(form, "그 수도는 서울, café")  # type: ignore[arg-type]
    marked = [text[start:end] for start, end in spans(text, terms("수도 서울 cafe"))]
    assert [unicodedata.normalize("NFC", word) for word in marked] == ["수도는", "서울", "café"]


def test_the_found_words_are_shown_in_the_text_as_it_was_written() -> None:
    marked = [TEXTS[1][start:end] for start, end in spans(TEXTS[1], terms('jalap* "are hot" it\'s ox'))]
    assert marked == ["Jalapeños", "are hot", "it's"]
    assert [TEXTS[3][start:end] for start, end in spans(TEXTS[3], terms("世界"))] == ["世界"]
    assert spans("anything", []) == []


def test_a_dataset_is_scanned_until_its_index_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SCANNED_ROWS", 1000)
    dataset = ready("chat", [chat(f"Question {n}", f"The answer is {n % 10}") for n in range(2500)])
    first = search.search(dataset.id, "answer 7", limit=2)
    assert ([hit.position for hit in first.rows], first.total, first.complete) == ([7, 17], 100, False)
    assert first.looked_at == 1000
    index = work.latest(dataset.id, search.KIND)
    assert index is not None
    assert work.wait(index.id, 60).status == WorkStatus.SUCCEEDED
    second = search.search(dataset.id, "answer 7", offset=248, limit=10)
    assert (second.total, second.complete, second.looked_at) == (250, True, 2500)
    assert [hit.row["messages"][0]["content"] for hit in second.rows] == ["Question 2487", "Question 2497"]
    assert search.search(dataset.id, "***").total == 0
    assert len(work.about(dataset.id)) == 1


def test_rows_are_picked_from_all_row_groups_in_order(tmp_path: Path) -> None:
    path = parquet(tmp_path / "rows.parquet", "text", [{"text": str(n)} for n in range(2500)])
    assert [row["text"] for row in read_rows(path, [0, 999, 1000, 2499])] == ["0", "999", "1000", "2499"]
    assert read_rows(path, []) == []


def test_a_dataset_without_rows_cannot_be_searched() -> None:
    with db.session() as session:
        session.add(dataset := Dataset(project_id="default", name="a"))
    with pytest.raises(ConflictError):
        search.search(dataset.id, "a")


def test_an_index_that_is_stopped_leaves_no_half_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_index, "PROGRESS_SECONDS", 0)
    (tmp_path / contract.STOP_FILE).touch()
    path = parquet(tmp_path / "rows.parquet", "text", [{"text": "a"}])
    with pytest.raises(contract.Stopped):
        search_index.work({"path": str(path), "kind": "text"}, tmp_path)
    assert list(tmp_path.glob("index*")) == []
