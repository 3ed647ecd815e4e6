"""Get the model, on a run's page: what it offers for each kind of result, and what its buttons do."""

from pathlib import Path

import pytest

from engine.exports import exports, merging
from engine.process import plan
from pages.runs import page, take
from storage import db, home
from storage.statuses import RunStatus, WorkStatus
from storage.tables import Export, Run, Work
from tests.engine.exports.trained_runs import add_run
from tests.engine.weights import model_folders
from tests.pages.clicks import Click


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return model_folders.make(tmp_path / "base")


def shown(run: Run) -> str:
    return take.take_html({"run": run.id})


def test_an_adapter_is_one_click_away_with_its_folder_and_how_to_load_it(base: Path) -> None:
    run = add_run(base)
    text = shown(run)
    assert f'href="/api/runs/{run.id}/download" download>Download adapter' in text
    assert str(home.run_folder(run.id) / "adapter") in text
    assert "PeftModel.from_pretrained(base, &#34;Jokes-v2-adapter&#34;)" in text
    assert f'data-act="merge" data-id="{run.id}"' in text
    assert f'href="/runs?run={run.id}&amp;tab=files">Get the model' in page.runs_html({"run": run.id})
    assert 'src="/fragments/runs/take"' in page.runs_html({"run": run.id, "tab": "files"})


def test_what_a_gguf_takes_is_said_of_the_type_that_is_chosen(base: Path) -> None:
    text = shown(add_run(base))
    assert f'<option value="{take.FIRST_TYPE}" selected>' in text
    assert f"{take.FIRST_TYPE} takes about" in text


def test_a_whole_model_is_offered_as_it_is_and_a_prompt_tuning_unmerged(base: Path) -> None:
    whole = shown(add_run(base, tuning="full"))
    assert "Download model" in whole
    assert "The same in another precision" in whole
    learnt = shown(add_run(base, tuning="prompt"))
    assert "Download adapter" in learnt
    assert 'data-act="merge"' not in learnt
    assert "take its adapter" in learnt


def test_a_run_that_has_left_nothing_offers_nothing(base: Path) -> None:
    run = add_run(base)
    with db.session() as session:
        session.merge(run).status = RunStatus.FAILED
    assert "/fragments/runs/take" not in page.runs_html({"run": run.id, "tab": "files"})
    assert "no trained model (failed)" in shown(run)


def test_a_merge_is_begun_followed_cancelled_and_its_end_shown(
    base: Path, monkeypatch: pytest.MonkeyPatch, toasts: list[str]
) -> None:
    monkeypatch.setitem(plan.WORKERS, merging.KIND, "tests.load.resting")
    run = add_run(base)
    page.act(Click("merge", run.id, dtype="bfloat16"))
    (row,) = exports.of_run(run.id)
    assert "Merged, bfloat16" in shown(run)
    assert "Cancel" in shown(run)
    page.act(Click("merge", run.id, dtype="int3"))
    assert "dtype" in toasts[-1]
    page.act(Click("delete-export", row[0].id))
    assert "Merged, bfloat16" not in shown(run)


@pytest.mark.parametrize("status", [WorkStatus.SUCCEEDED, WorkStatus.FAILED])
def test_how_a_merge_ended_is_told(status: WorkStatus, base: Path) -> None:
    run = add_run(base)
    making = Work(
        kind=merging.KIND, subject_id=run.id, key="k", spec={}, status=status, error="It broke.", hint="Again."
    )
    making.result = {"folder": "model", "size_bytes": 7_000_000, "parity": 0.0123, "notes": ["Rounding <tells>."]}
    row = Export(run_id=run.id, subject=f"run:{run.id}", kind="merged", options={"dtype": "base"})
    row.work_id = making.id
    with db.session() as session:
        session.add_all([making, row])
    text = shown(run)
    if status == WorkStatus.FAILED:
        assert "It broke. Again." in text
        assert f"/api/exports/{row.id}/download" not in text
        return
    assert "7 MB · answers as base and adapter do (parity 1.2e-02) · Rounding &lt;tells&gt;." in text
    assert f'href="/api/exports/{row.id}/download" download>Download' in text
