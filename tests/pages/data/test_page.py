"""The Data page: what comes in, what is said about each row, and how rows look."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.data import datasets, importing
from engine.errors import NotFoundError
from engine.process import events
from pages.data import page
from storage import datasets as stored_datasets
from storage import db, home
from storage.statuses import DatasetStatus
from storage.tables import Dataset
from tests.waiting import wait_for

QUERY = {"project": "default"}
HOSTILE = "<img src=x onerror=alert(1)> ${alert(1)} C:\\users"


class Request:
    """A request without cookies."""

    cookies: dict[str, str] = {}  # noqa: RUF012


class Click:
    def __init__(self, name: str, id: str) -> None:
        self.name, self.id = name, id
        self.values: dict[str, str] = {}


def chat(number: int) -> dict[str, Any]:
    turns = [("system", "Be short."), ("user", f"{number}? {HOSTILE}"), ("assistant", f"It is {number}.")]
    return {"messages": [{"role": role, "content": text} for role, text in turns]}


def settled(id: str) -> Dataset:
    def ended() -> Dataset | None:
        importing.tick()
        dataset = datasets.look_up(id)
        return dataset if dataset.status != DatasetStatus.IMPORTING else None

    dataset = wait_for(ended, 40, every=0.1)
    assert dataset
    return dataset


@pytest.fixture
def bring(tmp_path: Path) -> Callable[[list[Any]], Dataset]:
    """Imports rows through the page, by their path on the machine."""

    def bring(rows: list[Any]) -> Dataset:
        file = tmp_path / "rows.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return settled(datasets.import_file(file, "Rows").id)

    return bring


def add(**values: Any) -> Dataset:
    row = {"project_id": "default", "name": "rows", "status": DatasetStatus.READY, "kind": "chat", **values}
    dataset = Dataset(**row)
    with db.session() as session:
        session.add(dataset)
    return dataset


def add_many(count: int) -> None:
    with db.session() as session:
        session.add_all(
            Dataset(project_id="default", name=f"rows {number}", created_at=float(number)) for number in range(count)
        )


def test_a_long_list_is_shown_fifty_at_a_time_the_newest_first() -> None:
    add_many(60)
    first, second = page.datasets_html(QUERY), page.datasets_html({**QUERY, "page": "2"})
    assert first.count("<tr data-id") == 50
    assert "rows 59" in first
    assert "1 to 50 of 60" in first
    assert 'href="/data?page=2"' in first
    assert second.count("<tr data-id") == 10
    assert "rows 9<" in second
    for odd in ("0", "-1", "99", "x", "9" * 40):
        assert "<tr data-id" in page.datasets_html({**QUERY, "page": odd})


def test_datasets_are_found_by_a_part_of_their_name() -> None:
    add_many(60)
    add(name="Café 100% [a_b]")
    assert 'type="search"' in page.datasets_html(QUERY)
    for named in ("café", "100%", "A_B"):
        html = page.datasets_html({**QUERY, "named": named})
        assert html.count("<tr data-id") == 1, named
    many = page.datasets_html({**QUERY, "named": "rows"})
    assert 'href="/data?q=rows&amp;page=2"' in many
    nothing = page.datasets_html({**QUERY, "named": HOSTILE})
    assert "No such dataset" in nothing
    assert "<img src=x" not in nothing


def test_a_few_datasets_need_no_search_and_no_pages() -> None:
    add_many(3)
    html = page.datasets_html(QUERY)
    assert 'type="search"' not in html
    assert "da-pager" not in html


def test_without_a_dataset_the_page_says_what_to_do() -> None:
    html = page.datasets_html(QUERY)
    assert "No dataset yet" in html
    assert "Drop a file above" in html


def test_an_imported_file_shows_its_rows_as_chats_and_the_rejected_with_their_reasons(
    bring: Callable[[list[Any]], Dataset],
) -> None:
    dataset = bring([chat(1), {"messages": []}, chat(3), {"messages": [{"role": "user", "content": "hi"}]}])
    assert (dataset.accepted, dataset.rejected) == (2, 2)
    query = {**QUERY, "dataset": dataset.id}
    head, rows = page.datasets_html(query), page.view_html(query)
    assert f'href="/train?dataset={dataset.id}"' in head
    assert 'aria-current="true">Rows <span>2</span>' in head
    assert rows.count('class="da-row"') == 2
    assert 'data-side="user"' in rows
    assert "It is 3." in rows
    assert "&lt;img src=x" in rows
    assert "<img" not in rows
    rejected = page.view_html({**query, "show": "rejected"})
    assert "no turns" in rejected
    assert "1 × no answer" in rejected
    assert "Give the chat at least one user turn" in rejected
    assert f"/api/datasets/{dataset.id}/rejections" in rejected


def test_rows_come_in_pages_with_links_to_the_next_and_the_previous(bring: Callable[[list[Any]], Dataset]) -> None:
    dataset = bring([chat(number) for number in range(45)])
    query = {**QUERY, "dataset": dataset.id}
    first, last = page.view_html(query), page.view_html({**query, "from": "40"})
    assert "1 to 20 of 45" in first
    assert f'href="/data?dataset={dataset.id}&amp;from=20">Next' in first
    assert 'aria-disabled="true">Previous' in first
    assert "41 to 45 of 45" in last
    assert 'aria-disabled="true">Next' in last
    assert last.count('class="da-row"') == 5
    assert page.view_html({**query, "from": "-3x"}) == first


def test_the_table_shows_kind_counts_and_the_progress_of_an_import() -> None:
    add(name="<b>done", format="alpaca", accepted=1234, repaired=5, rejected=6, size_bytes=2_000_000)
    add(name="coming", status=DatasetStatus.IMPORTING, progress=0.5)
    html = page.datasets_html(QUERY)
    for words in ("1,234", "2 MB", "alpaca", "importing", 'aria-valuenow="50.0"', "&lt;b&gt;done"):
        assert words in html
    assert "<b>done" not in html


def test_datasets_of_other_projects_are_not_listed() -> None:
    add(name="mine")
    assert "mine" not in page.datasets_html({"project": "other"})


@pytest.mark.parametrize("status", [DatasetStatus.FAILED, DatasetStatus.NEEDS_MAPPING])
def test_what_went_wrong_is_shown_with_what_to_do(status: DatasetStatus) -> None:
    dataset = add(status=status, error="No known columns.", hint="Rename them.")
    html = page.datasets_html({**QUERY, "dataset": dataset.id})
    assert "No known columns." in html
    assert "Rename them." in html
    assert "/train?dataset" not in html


def test_an_import_on_its_way_shows_how_far_it_is() -> None:
    dataset = add(status=DatasetStatus.IMPORTING, progress=0.25, source_name="big.jsonl")
    html = page.datasets_html({**QUERY, "dataset": dataset.id})
    assert "Reading big.jsonl" in html
    assert "25 %" in html


def test_an_import_says_how_many_rows_are_read_and_can_be_cancelled() -> None:
    dataset = add(status=DatasetStatus.IMPORTING, progress=0.25)
    folder = home.ensure_folder(home.dataset_folder(dataset.id))
    query = {**QUERY, "dataset": dataset.id}
    assert "Waiting for its turn" in page.datasets_html(query)
    events.append(folder, events.Progress(done=1, total=4, stage="12,000 rows read"))
    assert "12,000 rows read" in page.datasets_html(query)
    assert 'data-act="cancel"' in page.datasets_html(query)
    page.ACTS["cancel"](dataset.id, {}, "default")
    stopped = datasets.look_up(dataset.id)
    assert (stopped.status, stopped.error) == (DatasetStatus.FAILED, "The import was stopped.")


def test_a_format_that_is_not_certain_says_how_sure_it_is() -> None:
    dataset = add(format="alpaca", confidence=0.998)
    assert "alpaca, fits 99.8 % of the first rows" in page.datasets_html({**QUERY, "dataset": dataset.id})


def test_a_dataset_that_is_gone_says_so() -> None:
    html = page.datasets_html({**QUERY, "dataset": "abcabcabcabc"})
    assert "There is no dataset" in html
    assert "All datasets" in html
    with pytest.raises(NotFoundError):
        page.view_html({**QUERY, "dataset": "abcabcabcabc"})
    assert page.view_html(QUERY) == ""


def test_empty_views_say_why() -> None:
    dataset = add()
    query = {**QUERY, "dataset": dataset.id}
    assert "No row to show" in page.view_html(query)
    assert "Every row was imported" in page.view_html({**query, "show": "rejected"})


def test_deleting_leads_back_to_the_list(toasts: list[str]) -> None:
    dataset = add()
    assert page.act(Click("delete", dataset.id), Request()) == "/data"
    with db.reading() as session:
        assert not stored_datasets.recent(session)
    assert page.act(Click("delete", dataset.id), Request()) == ""
    assert toasts


def test_rows_are_shown_as_a_table_from_a_row_on_and_so_many_a_page(bring: Callable[[list[Any]], Dataset]) -> None:
    dataset = bring([chat(number) for number in range(1, 61)])
    query = {**QUERY, "dataset": dataset.id}
    table = page.view_html({**query, "as": "table", "size": "50"})
    assert table.count("<tr data-id") == 50
    assert "1 to 50 of 60" in table
    assert f'href="/data?dataset={dataset.id}&amp;from=50&amp;as=table&amp;size=50"' in table
    assert "<img src=x" not in table
    jumped = page.view_html({**query, "at": "45"})
    assert "41 to 60 of 60" in jumped
    for odd in ("0", "-3", "99999", "x", "9" * 40):
        assert 'class="da-row"' in page.view_html({**query, "at": odd, "size": odd, "as": odd})


def test_datasets_are_filtered_sorted_and_chosen_by_the_address() -> None:
    add(name="chats", accepted=3, tags=["mine"], description="By hand.\nAll of it.")
    other = add(name="pairs", kind="preference", accepted=9)
    tagged = page.datasets_html({**QUERY, "tag": "mine"})
    assert (tagged.count("<tr data-id"), "By hand." in tagged, "All of it" in tagged) == (1, True, False)
    rows_first = page.datasets_html({**QUERY, "sort": "-rows"})
    assert rows_first.index("pairs") < rows_first.index("chats")
    assert "<tr data-id" in page.datasets_html({**QUERY, "sort": "secret", "status": "gone"})
    chosen = page.datasets_html({**QUERY, "chosen": f"{other.id},gone"})
    assert "1 dataset chosen." in chosen
    assert f'data-act="all-delete" data-id="{other.id}"' in chosen
    page.act(Click("all-delete", other.id), Request())
    undoable = page.datasets_html(QUERY)
    assert f'data-id="{other.id}"' not in undoable
    assert "<bdi>pairs deleted.</bdi>" in undoable
    undo_id = re.findall(r'data-act="undo" data-id="(\w+)"', undoable)[0]
    page.act(Click("undo", undo_id), Request())
    assert f'data-id="{other.id}"' in page.datasets_html(QUERY)
    page.act(Click("all-delete", other.id), Request())
    undo_id = re.findall(r'data-act="free" data-id="(\w+)"', page.datasets_html(QUERY))[0]
    page.act(Click("free", undo_id), Request())
    assert "pairs" not in page.datasets_html(QUERY)


def test_a_failed_upload_is_told_to_be_imported_again() -> None:
    failed = add(status=DatasetStatus.FAILED, source="upload")
    html = page.view_html({**QUERY, "dataset": failed.id, "show": "mapping"})
    assert "import it again" in html
    assert "made in the studio" not in html


def test_a_format_says_how_many_rows_fit_in_words() -> None:
    assert page._format(add(format="mapping", confidence=0.8)) == "mapped by hand, fits 80 % of the first rows"
    assert page._format(add(format="alpaca", confidence=1.0)) == "alpaca"
