"""The report on a run's page: the verdict first, its numbers, what got worse, and what can be asked."""

import pytest

from engine.evaluate import reports
from pages.runs import page, report
from storage import db
from storage.statuses import RunStatus, WorkStatus
from storage.tables import Run
from tests import fixed_reports
from tests.browser.stored_runs import add_run
from tests.pages.clicks import Click
from tests.stored_evaluations import report_on


@pytest.fixture
def run_id() -> str:
    run_id = add_run("jokes")
    with db.session() as session:
        run = session.get(Run, run_id)
        assert run
        run.artifact = "adapter"
    return run_id


def shown(run_id: str) -> str:
    return report.report_html({"run": run_id, "project": "default"})


def test_a_run_that_has_succeeded_has_a_report_on_its_page(run_id: str) -> None:
    row = report_on(run_id)
    assert 'src="/fragments/runs/report"' in page.runs_html({"run": run_id, "tab": "report", "project": "default"})
    assert 'src="/fragments/runs/verdict"' in page.runs_html({"run": run_id, "project": "default"})
    brief = report.verdict_html({"run": run_id})
    assert "Better. Exact match went" in brief
    assert f'href="/runs?run={run_id}&amp;tab=report"' in brief
    assert "What was measured" not in brief
    text = shown(run_id)
    assert text.index("Better. Exact match went") < text.index("What was measured") < text.index("General skill")
    for part in ("2 rows got worse", "Measure again", "Measure all 120 rows", f"/evaluate?evaluation={row.id}",
                 f"ids={row.id}&amp;format=html", f"ids={row.id}&amp;format=json"):  # fmt: skip
        assert part in text, part
    assert "equals <del>24</del>." in report.worse_html({"evaluation": row.id})


def test_of_no_rows_it_is_not_said_that_none_got_worse(run_id: str) -> None:
    report_on(run_id, result={**fixed_reports.no_proof(), "rows": 0, "all_rows": 0, "metrics": [], "worse_rows": []})
    text = shown(run_id)
    assert "None of the rows" not in text
    assert "Measured on" not in text


def test_a_run_that_has_not_succeeded_has_none(run_id: str) -> None:
    with db.session() as session:
        run = session.get(Run, run_id)
        assert run
        run.status = RunStatus.FAILED
    text = page.runs_html({"run": run_id, "tab": "report", "project": "default"})
    assert "/fragments/runs/report" not in text
    assert ">Report<" not in text
    assert "/fragments/runs/verdict" not in text
    assert "ts-notice" in shown(run_id)
    assert "ts-notice" in report.verdict_html({"run": "gone"})
    assert "ts-notice" in shown("gone")
    assert "ts-notice" in report.worse_html({"evaluation": "gone"})


def test_without_a_report_the_reason_stands_there_with_a_button(run_id: str, toasts: list[str]) -> None:
    text = shown(run_id)
    assert "There is no report on this run." in text
    assert ">Measure now</button>" in text
    assert ">Measure now</button>" in report.verdict_html({"run": run_id})
    page.act(Click("report", run_id))
    assert reports.of_run(run_id)["status"] == "queued"
    assert toasts == ["It is measured again."]
    waiting = shown(run_id)
    assert "Waiting until no training needs the device." in waiting
    assert "Measure" not in waiting.replace("Measuring", "")


def test_all_rows_are_asked_for_by_a_button_of_its_own(run_id: str) -> None:
    report_on(run_id)
    page.act(Click("report-all", run_id))
    assert reports.log_of(run_id)[-1].all_rows is True


def test_one_that_failed_says_why_and_what_to_do(run_id: str) -> None:
    report_on(run_id, status=WorkStatus.FAILED, result={}, error="No row was held out.", hint="Hold out 5 %.")
    text = shown(run_id)
    assert "No row was held out." in text
    assert "Hold out 5 %." in text
    assert "Measure again" in text


def test_a_stranger_writes_only_text(run_id: str) -> None:
    row = report_on(run_id, result=fixed_reports.hostile())
    for text in (shown(run_id), report.worse_html({"evaluation": row.id})):
        assert "<img" not in text
        assert "<script" not in text
        assert "\u202e" not in text
