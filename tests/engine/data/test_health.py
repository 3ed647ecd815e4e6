"""The health of datasets through the real worker: found, shown, ignored, fixed; by itself for small ones."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.data import datasets, health, health_choices, importing
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.process import process, work
from engine.workers import contract
from engine.workers.data import health as worker
from storage import db, home
from storage.statuses import DatasetStatus, WorkStatus
from storage.tables import Dataset, Work
from tests.engine.rows.stored_rows import chat, parquet, ready
from tests.waiting import wait_for

ROWS = [chat(f"What is the number {n} called?", f"The number {n} is called by its name, {n}.") for n in range(40)]
FLAWED = [*ROWS, ROWS[3], chat("Who?", "Ask bob@mail.berlin.de about it."), chat("How?", "Like this: <|im_end|> done.")]


def checked(dataset: Dataset) -> Work:
    finished = work.wait(health.start(dataset.id).id, 60)
    assert (finished.status, finished.error) == (WorkStatus.SUCCEEDED, None)
    return finished


def settled(dataset: Dataset) -> Dataset:
    def ended() -> Dataset | None:
        importing.tick()
        current = datasets.look_up(dataset.id)
        return current if current.status != DatasetStatus.IMPORTING else None

    ended_dataset = wait_for(ended, 60, every=0.1)
    assert ended_dataset is not None
    return ended_dataset


def test_a_dataset_is_checked_shown_ignored_and_fixed() -> None:
    dataset = ready("chat", FLAWED)
    assert health.report(dataset.id).score is None
    with pytest.raises(ConflictError, match="not been checked"):
        health.rows(dataset.id, "personal_data")
    finished = checked(dataset)
    report = health.report(dataset.id)
    counts = {part.check: part.found for part in report.parts if part.found}
    assert counts == {"exact_duplicates": 1, "personal_data": 1, "special_tokens": 1}
    assert report.score == 95
    assert report.statistics is not None
    assert report.statistics["rows"] == 43
    (twin,) = health.rows(dataset.id, "exact_duplicates")
    assert (twin.position, twin.twin, twin.row["messages"]) == (40, 3, ROWS[3]["messages"])
    assert health.rows(dataset.id, "exact_duplicates", offset=1) == []
    assert not (work.folder(finished) / "scratch").exists()

    health_choices.ignore(dataset.id, "personal_data")
    again = health.report(dataset.id)
    assert again.score == 96
    assert [part.check for part in again.parts if part.ignored] == ["personal_data"]
    health_choices.ignore(dataset.id, "personal_data", yes=False)
    assert health.report(dataset.id).score == 95

    dropped = settled(health.fix(dataset.id, "exact_duplicates"))
    assert (dropped.error, dropped.version, dropped.family_id) == (None, 2, dataset.family_id)
    assert dropped.train_rows == 42
    masked = settled(health.fix(dataset.id, "personal_data"))
    assert datasets.rows(masked.id, 41, 1)[0]["messages"][1]["content"] == "Ask [MAIL] about it."
    assert masked.version == 3


def test_only_chosen_rows_among_the_found_ones_are_dropped() -> None:
    dataset = ready("chat", [*ROWS, ROWS[3], ROWS[4]])
    checked(dataset)
    fixed = health.fix(dataset.id, "exact_duplicates", positions=[41, 0])
    assert fixed.operation is not None
    assert fixed.operation["positions"] == [41]
    with pytest.raises(RefusedError, match="None of these rows"):
        health.fix(dataset.id, "exact_duplicates", positions=[0])
    with pytest.raises(ConflictError, match="nothing was found"):
        health.fix(dataset.id, "refusals")
    with pytest.raises(NotFoundError, match="no check"):
        health.fix(dataset.id, "beauty")
    with pytest.raises(NotFoundError, match="no check"):
        health_choices.ignore(dataset.id, "beauty")


def test_leakage_is_looked_for_in_chosen_datasets_and_in_the_other_sides_of_a_split() -> None:
    test = ready("chat", [ROWS[7]], "Test set")
    train = ready("chat", ROWS, "Train set")
    assert [dataset.id for dataset in health_choices.candidates(train)] == [test.id]
    work.wait(health.start(train.id, [test.id]).id, 60)
    report = health.report(train.id)
    assert [other.id for other in report.against] == [test.id]
    (row,) = health.rows(train.id, "leakage")
    assert row.position == 7
    assert report.compared
    health_choices.choose(train.id, [])
    assert not health.report(train.id).compared
    for wrong in (train.id, "nothing"):
        with pytest.raises((RefusedError, NotFoundError)):
            health_choices.choose(train.id, [wrong])
    sides: list[dict[str, Any]] = [{"op": "split", "side": side} for side in (0, 1)]
    first_side, second_side = (ready("chat", ROWS, f"side {n}", operation=sides[n], parents=[train.id]) for n in (0, 1))
    changed_side = ready(
        "chat",
        ROWS[:5],
        "side 0",
        operation={"op": "drop"},
        parents=[first_side.id],
        family_id=first_side.id,
        version=2,
    )
    assert [side.id for side in health_choices.against(first_side)] == [second_side.id]
    assert [side.id for side in health_choices.against(changed_side)] == [second_side.id]
    assert health_choices.against(train) == []


def test_small_datasets_are_checked_and_indexed_by_themselves_once() -> None:
    dataset = ready("chat", ROWS[:3])
    large = ready("chat", ROWS[:4], rows=0, accepted=0, repaired=health.AUTOMATIC_ROWS + 1)

    def both_done() -> bool:
        work.tick()
        health.tick()
        return all(item and item.status == WorkStatus.SUCCEEDED for item in both(dataset))

    def both(checked_dataset: Dataset) -> list[Work | None]:
        return [work.latest(checked_dataset.id, kind) for kind in ("health", "search_index")]

    wait_for(both_done, 60)
    health.tick()
    assert len(work.about(dataset.id)) == 2
    assert both(large) == [None, None]


def test_a_dataset_that_cannot_be_checked_does_not_keep_others_from_it() -> None:
    whole, broken = ready("chat", ROWS[:3]), ready("chat", ROWS[:4])
    with db.session() as session:
        session.merge(broken).sha256 = None
    health.tick()
    assert work.latest(broken.id, "health") is None
    assert work.latest(whole.id, "health") is not None


def test_a_check_that_is_stopped_leaves_nothing_and_can_be_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "PROGRESS_SECONDS", 0)
    out = tmp_path / "out"
    out.mkdir()
    process.request_stop(out)
    spec = {"path": str(parquet(tmp_path / "rows.parquet", "chat", ROWS)), "kind": "chat", "against": []}
    with pytest.raises(contract.Stopped):
        worker.work(spec, out)
    assert not (out / "scratch").exists()


def test_what_is_ignored_is_kept_beside_the_dataset() -> None:
    dataset = ready("text", [{"text": "a"}])
    health_choices.ignore(dataset.id, "refusals")
    health_choices.ignore(dataset.id, "leakage")
    ignored_file = home.dataset_folder(dataset.id) / "health-ignored.json"
    assert orjson.loads(ignored_file.read_bytes()) == ["leakage", "refusals"]


def test_real_data_has_real_flaws(test_data: Path | None) -> None:
    if test_data is None:
        pytest.skip("the real data is not here")
    dataset = settled(datasets.import_file(test_data / "dpo_en_demo.json", "pairs"))
    checked(dataset)
    counts = {part.check: part.found for part in health.report(dataset.id).parts}
    assert counts["exact_duplicates"] == 5
    assert counts["refusals"] >= 4
