"""The Evaluate page: what its list, a report, a comparison and the question show, and what its buttons do."""

from pathlib import Path
from typing import Any

from engine.evaluate import evaluations
from pages.evaluate import page
from pages.evaluate.list_view import ROWS
from storage import db
from storage.statuses import RunStatus, WorkStatus
from storage.tables import Run
from tests import fixed_reports
from tests.browser.stored_runs import add_run
from tests.engine.evaluate.test_asked_rows import kept
from tests.engine.exports import trained_runs
from tests.engine.weights import model_folders
from tests.fixed_reports import HOSTILE
from tests.pages.clicks import Click, Visitor
from tests.stored_evaluations import add, report_on

PROJECT = {"project": "default"}
YOU: Any = Visitor()


def shown(**query: str) -> str:
    return page.evaluations_html({**PROJECT, **query})


def trained(name: str) -> str:
    """The id of a run that left something."""
    run_id = add_run(name)
    with db.session() as session:
        run = session.get(Run, run_id)
        assert run
        run.artifact, run.status = "adapter", RunStatus.SUCCEEDED
    return run_id


def test_an_empty_studio_says_what_would_be_here() -> None:
    assert "Nothing measured yet" in shown()
    assert "<form" not in shown()


def test_the_list_says_what_was_measured_for_what_and_what_came_of_it() -> None:
    run_id = trained("first-lesson")
    row = report_on(run_id, "first-lesson", tags=["v1"])
    text = shown()
    for part in (
        f'href="/evaluate?evaluation={row.id}"', "first-lesson against SmolLM2-135M", "sums", "Better", "Exact match",
        "+87.5", "+77.5 to +95.0", "but worse at Repetition", "<svg", "v1",
    ):  # fmt: skip
        assert part in text, part


def test_what_is_on_its_way_and_what_failed_have_names_and_a_reason() -> None:
    run_id = trained("jokes")
    report_on(run_id, "waits", status=WorkStatus.QUEUED, result={})
    report_on(run_id, "failed", status=WorkStatus.FAILED, result={}, error="No row was held out.")
    text = shown()
    assert text.count("jokes against tiny") == 2
    assert "No row was held out." in text
    assert "queued" in text


def test_the_list_is_filtered_and_filters_stay_in_the_links() -> None:
    add("sums", tags=["lesson"])
    add("other", status=WorkStatus.FAILED, result={})
    assert "sums" in shown(q="SUM")
    assert "evaluation=" not in shown(q="nothing like it")
    assert "No evaluation matches" in shown(q="nothing like it")
    assert "&gt;other&lt;" not in shown(tag="lesson")
    failed = shown(status="failed", q="oth")
    assert failed.count("/evaluate?evaluation=") == 2  # the row and the link in it
    assert "q=oth&amp;status=failed&amp;chosen=" in failed
    assert shown(status="no such status", tag='"').count("No evaluation matches") == 1


def test_a_long_list_has_pages_that_keep_what_is_chosen() -> None:
    for number in range(ROWS + 1):
        add(f"number {number}")
    text = shown(chosen="abc", q="number")
    assert f"1 to {ROWS} of {ROWS + 1}" in text
    assert "/evaluate?q=number&amp;chosen=abc&amp;page=2" in text


def test_some_are_chosen_and_compared_side_by_side() -> None:
    first, second = add("first"), add("second", "run:b", result=fixed_reports.no_proof())
    chosen = shown(chosen=first.id)
    assert "1 evaluation chosen. Choose another one to compare them." in chosen
    assert f"chosen={first.id}%2C{second.id}" in chosen
    both = shown(chosen=f"{first.id},{second.id}")
    assert f'href="/evaluate?compare={first.id}%2C{second.id}">Side by side' in both
    text = shown(compare=f"{first.id},{second.id},gone")
    assert "1 of these evaluations is not finished, or deleted." in text
    assert text.count("<figure>") == 7  # a chart for each metric and for skills
    assert "5.0 % → 92.5 %" in text
    assert "50.0 % → 55.0 %" in text
    assert f"/api/evaluations/download?ids={first.id}%2C{second.id}&amp;format=csv" in text
    assert "/evaluate?a=run%3Aa&amp;b=run%3Ab" in text


def test_a_report_says_it_all() -> None:
    row = report_on(trained("first-lesson"), "first-lesson", tags=["a", "b"])
    text = shown(evaluation=row.id)
    for part in (
        "Better. Exact match went from 5 % to 92 %", "no difference", "What was measured", "lower is better",
        "Forgot something", "−25.0 to −5.0", "1 question that only the base got right", "17 plus 6 equals 23.",
        "How to read this", "of 100 such bars", 'value="a, b"', "Measure all rows",
        f'id="worse-{row.id}" src="/fragments/evaluate/worse"',
    ):  # fmt: skip
        assert part in text, part
    worse = page.worse_html({**PROJECT, "evaluation": row.id})
    assert "2 rows got worse" in worse
    assert "22 plus 2 equals <del>24</del>." in worse
    assert "22 plus 2 equals <ins>22</ins>." in worse


def test_every_row_can_be_read_a_page_at_a_time_found_by_words_and_by_what_changed() -> None:
    row = kept(scores=[[1.0, 0.0]] * 45 + [[0.0, 1.0]] * 2)
    asked = {**PROJECT, "evaluation": row.id}
    worse = page.worse_html(asked)
    for part in ("45 rows got worse", "all rows (47)", "got better (2)", "no change (0)", "1 to 20 of 45"):
        assert part in worse, part
    assert f'href="/evaluate?evaluation={row.id}&amp;show=worse&amp;page=2"' in worse
    last = page.worse_html({**asked, "page": "99"})
    assert "41 to 45 of 45" in last
    assert last.count('data-key="row-') == 5
    assert "2 rows got better" in page.worse_html({**asked, "show": "better", "page": "1"})
    none = page.worse_html({**asked, "show": "all", "q": HOSTILE})
    assert "No row matches." in none
    assert "<img" not in none


def test_one_on_its_way_says_how_long_and_can_be_stopped() -> None:
    waits = add("waits", status=WorkStatus.QUEUED, result={"estimated_seconds": 140})
    text = shown(evaluation=waits.id)
    assert "Takes about 2 min 20 s." in text
    page.act(Click("stop", waits.id), YOU)
    assert evaluations.look_up(waits.id).status == WorkStatus.STOPPED
    assert "It was stopped." in shown(evaluation=waits.id)


def test_one_that_is_gone_leads_back() -> None:
    assert "All evaluations" in shown(evaluation="gone")
    assert page.worse_html({**PROJECT, "evaluation": "gone"}) == ""
    assert "1 of these evaluations is not finished, or deleted." in shown(compare="gone")


def test_a_new_one_is_made_by_the_form(tmp_path: Path, toasts: list[str]) -> None:
    base = model_folders.make(tmp_path / "base")
    first, second = trained_runs.add_run(base), trained_runs.add_run(base)
    values = {"subject": f"run:{first.id}", "against": f"run:{second.id}", "limit": "30", "seed": "7", "tags": "a, b"}
    address = page.act(Click("measure", "", **values), YOU)
    made = evaluations.look_up(address.removeprefix("/evaluate?evaluation="))
    assert (made.name, made.limit, made.seed, made.tags) == ("Jokes, v2 against Jokes, v2", 30, 7, ["a", "b"])
    assert (made.subject, made.against, made.status) == (f"run:{first.id}", f"run:{second.id}", WorkStatus.QUEUED)
    assert page.act(Click("measure", "", **{**values, "limit": "many"}), YOU) == ""
    assert "many&#39; cannot be a number of rows." in toasts[-1]


def test_what_the_engine_refuses_is_a_toast(toasts: list[str]) -> None:
    run_id = trained("jokes")
    same = {"subject": f"run:{run_id}", "against": f"run:{run_id}"}
    assert page.act(Click("measure", "", **same), YOU) == ""
    assert len(toasts) == 1


def test_the_form_has_what_the_address_names_also_a_checkpoint() -> None:
    run_id = trained("jokes")
    text = shown(subject=f"run:{run_id}@40", dataset="d1")
    assert f'<option value="run:{run_id}@40" selected>jokes, step 40' in text
    assert '<option value="d1" selected>' in text
    assert '<details class="ev-new" data-key="new" open>' in text


def test_the_question_is_answered_in_a_sentence_or_measured() -> None:
    first, second = trained("jokes"), trained("poems")
    asked = {"a": f"run:{first}", "b": f"run:{second}"}
    nobody = shown(**asked)
    assert "These two have not been compared yet." in nobody
    assert f'name="against" value="run:{second}"' in nobody
    assert "These two are the same." in shown(a=asked["a"], b=asked["a"])
    row = add("poems against jokes", asked["b"], asked["a"])
    answered = shown(**asked)
    assert "No, poems is better than jokes." in answered
    assert "Measured on 40 rows." in answered
    assert f"/evaluate?evaluation={row.id}" in answered


def test_tags_are_kept_and_bad_ones_refused(toasts: list[str]) -> None:
    row = add("one")
    page.act(Click("tag", row.id, tags=" a ,b,, a"), YOU)
    assert evaluations.look_up(row.id).tags == ["a", "b"]
    page.act(Click("tag", row.id, tags="x" * 50), YOU)
    assert "These tags are not allowed." in toasts[-1]
    assert evaluations.look_up(row.id).tags == ["a", "b"]


def test_one_is_deleted_but_the_first_report_of_a_run_stays(toasts: list[str]) -> None:
    row, report = add("one"), report_on(trained("jokes"))
    assert page.act(Click("delete", row.id), YOU) == "/evaluate"
    assert page.act(Click("delete", report.id), YOU) == ""
    assert "first report on its run" in toasts[-1]
    assert f"evaluation={row.id}" not in shown()
    assert f"evaluation={report.id}" in shown()


def test_the_same_is_measured_again_also_on_all_rows(toasts: list[str]) -> None:
    run_id = trained("jokes")
    first = report_on(run_id)
    address = page.act(Click("again-all", first.id), YOU)
    again = evaluations.look_up(address.rpartition("=")[2])
    assert (again.run_id, again.all_rows, again.status) == (run_id, True, WorkStatus.QUEUED)


def test_a_stranger_writes_only_text() -> None:
    row = add("hostile", result=fixed_reports.hostile(), tags=["<u>"])
    everything = [
        shown(),
        shown(evaluation=row.id),
        shown(compare=row.id),
        page.worse_html({**PROJECT, "evaluation": row.id}),
        shown(q=HOSTILE, tag=HOSTILE, chosen=HOSTILE),
        shown(a=HOSTILE, b=HOSTILE, subject=HOSTILE),
    ]
    for text in everything:
        assert "<img" not in text
        assert "<script" not in text
        assert "<u>" not in text
    for text in everything[:4]:
        assert "\u202e" not in text
        assert "U+202E" in text
    assert len(everything[3]) < 60_000
    assert "more characters" in everything[3]
