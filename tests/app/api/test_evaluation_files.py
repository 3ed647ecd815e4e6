"""Evaluations as files over REST."""

import pytest
from starlette.testclient import TestClient

from storage import db
from storage.statuses import RunStatus
from storage.tables import Run
from tests.browser.stored_runs import add_run
from tests.fixed_reports import hostile
from tests.stored_evaluations import add, report_on


@pytest.mark.parametrize("format", ["html", "csv", "json"])
def test_a_report_is_downloaded_in_every_format_and_never_shown_as_a_page(owner: TestClient, format: str) -> None:
    run_id = add_run("jokes")
    report_on(run_id, "jokes & co.", result=hostile())
    answer = owner.get(f"/api/runs/{run_id}/report/download?format={format}")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="jokes-co.{format}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert "jokes & co." in answer.text or "jokes &amp; co." in answer.text


def test_several_come_in_one_file_in_the_order_asked(owner: TestClient) -> None:
    first, second = add("one"), add("two")
    ids = f"{second.id},{first.id},{second.id}"
    rows = owner.get(f"/api/evaluations/download?ids={ids}&format=json").json()
    assert [row["name"] for row in rows] == ["two", "one"]
    text = owner.get(f"/api/evaluations/download?ids={ids}").text
    assert text.index("<h1>two</h1>") < text.index("<h1>one</h1>")


def test_what_is_not_there_is_said(owner: TestClient) -> None:
    assert owner.get("/api/evaluations/download?ids=gone").status_code == 404
    run_id = add_run("no report")
    answer = owner.get(f"/api/runs/{run_id}/report/download")
    assert answer.status_code == 404
    assert "There is no report on this run." in answer.json()["error"]["message"]
    with db.session() as session:
        run = session.get(Run, run_id)
        assert run
        run.status = RunStatus.FAILED
    assert owner.get(f"/api/runs/{run_id}/report/download").status_code == 409
    assert owner.get("/api/evaluations/download?ids=a&format=pdf").status_code == 422
