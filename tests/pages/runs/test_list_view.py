"""The list of runs: what its address asks for, what it offers, and that a stranger writes only text."""

from typing import Any

import pytest
from markupsafe import escape

from engine.runs import changes, runs, views
from pages.parts import choosing, markdown
from pages.runs import page
from pages.runs.listing import asked, columns, list_view
from storage import db
from storage.statuses import ModelStatus, RunStatus, SweepStatus
from storage.tables import Model, Sweep, SweepTrial
from tests import stored_runs
from tests.pages.clicks import Click

HOSTILE = "<img src=x onerror=alert(1)>${alert(2)}"
TURNED = "\u202eabc\x07"
DEFAULT = {"project": "default"}


def shown(**query: str) -> str:
    return page.runs_html({**DEFAULT, **query})


def offered(**query: str) -> str:
    return page.FRAGMENTS["filters"]({**DEFAULT, **query})


def test_what_the_address_filters_by_stays_chosen_where_it_is_one_of_too_many() -> None:
    stored_runs.add("mine")
    text = offered(dataset="one-of-thousands", tag="<b>")
    assert '<option value="one-of-thousands" selected>' in text
    assert '<option value="&lt;b&gt;" selected>' in text


def test_a_narrow_list_is_sorted_by_a_choice_of_what_it_shows() -> None:
    stored_runs.add("mine")
    text = offered(sort="-step", cols="progress,metric:eval_loss:best")
    assert '<option value="-step" selected>by progress</option>' in text
    assert '<option value="metric:eval_loss:best">by eval_loss (best)</option>' in text
    assert '<option value="-name" selected>-name</option>' in offered(sort="-name")


def click(act: str, id: str, /, **values: str) -> None:
    event: Any = Click(act, id, **values)
    page.act(event)


def test_the_address_filters_sorts_and_chooses_columns() -> None:
    first = stored_runs.add("sums", tags=["math"], created_at=1.0)
    stored_runs.add("jokes", RunStatus.FAILED, recipe={"method": "dpo"}, created_at=2.0)
    stored_runs.add("away", archived=True)
    stored_runs.add_points(first, "eval_loss", [0.75, 0.5, 0.9])
    assert "2 runs" in shown()
    assert ">away<" not in shown()
    for query, expected in (
        ({"q": "jok"}, "jokes"), ({"status": "failed"}, "jokes"), ({"method": "sft"}, "sums"),
        ({"tag": "math"}, "sums"),
        ({"show": "archived"}, "away"),
    ):  # fmt: skip
        assert f">{expected}</a>" in shown(**query)
        assert "1 run<" in shown(**query)
    text = shown(cols="method,metric:eval_loss:best,metric:eval_loss:last", sort="metric:eval_loss:best")
    for words in ("eval_loss (best)", 'aria-sort="ascending"', ">0.500<", ">0.900<", "SFT"):
        assert words in text
    assert 'data-label="Progress"' not in text
    assert "No such run" in shown(q="nothing")


def test_filters_stay_in_every_link_and_another_order_begins_at_the_first_page() -> None:
    for number in range(list_view.ROWS + 1):
        stored_runs.add(f"run {number}", tags=["a b"], created_at=float(number))
    text = shown(tag="a b", page="2", cols="loss")
    assert 'href="/runs?tag=a+b&amp;sort=loss&amp;cols=loss"' in text
    assert 'href="/runs?tag=a+b&amp;cols=loss" data-soft>Newer' in text


def test_an_order_that_there_is_not_is_said_and_the_list_stays() -> None:
    stored_runs.add("mine")
    text = shown(sort="secret")
    assert "cannot be sorted" in text
    assert ">mine</a>" in text


@pytest.mark.parametrize("cols", ["nothing", "metric:x", "metric:learning_rate:best", ",,,", HOSTILE])
def test_columns_that_there_are_not_are_left_out(cols: str) -> None:
    assert columns.keys({"cols": cols}) == list(columns.USUAL)
    assert columns.keys({"cols": f"loss,{cols}"}) == ["loss"]


def test_the_chosen_ones_are_those_that_are_still_there() -> None:
    ids = [stored_runs.add(name) for name in ("a", "b", "c")]
    text = shown(chosen=",".join([*ids, "gone"]))
    assert "3 runs chosen" in text
    assert f'href="/runs?compare={",".join(ids)}"' in text
    click("all-archive", ",".join(ids[:2]))
    assert "1 run chosen" in shown(chosen=",".join(ids))


def test_a_box_toggles_its_id_in_the_address_as_it_is_when_clicked() -> None:
    box = choosing.box("b", "Choose b", ["a"], 3, lambda ids: "/x?chosen=" + ",".join(ids))
    for words in ('data-toggle="chosen" data-value="b" data-most="3"', 'href="/x?chosen=a,b"', 'role="checkbox"'):
        assert words in box
    assert choosing.box("d", "", ["a", "b", "c"], 3, lambda _: "") == ""


def test_acts_on_the_chosen_ones_and_their_undo(toasts: list[str]) -> None:
    ids = ",".join([stored_runs.add("a"), stored_runs.add("b", RunStatus.RUNNING)])
    click("all-tag", ids, tag="x")
    assert all(runs.look_up(run_id).tags == ["x"] for run_id in ids.split(","))
    click("all-delete", ids)
    assert any("1 of 2 runs" in toast for toast in toasts)
    text = shown()
    assert "a deleted." in text
    assert 'data-act="undo"' in text
    click("undo", changes.can_be_undone()[0].id)
    assert "2 runs" in shown()


def test_all_that_match_are_chosen_on_every_page_and_the_others_are_left_alone(toasts: list[str]) -> None:
    ids = [stored_runs.add(f"old {number}") for number in range(list_view.ROWS + 3)]
    other = stored_runs.add("new")
    offer = shown(q="old", chosen=ids[0])
    assert "Choose all 53 that match" in offer
    assert 'href="/runs?q=old&amp;chosen=all"' in offer
    text = shown(q="old", chosen="all")
    assert "All 53 runs that match are chosen." in text
    assert text.count('aria-checked="true" aria-disabled="true"') == list_view.ROWS
    stands_for_all = asked.matching_as_id({"project": "default", "q": "old", "chosen": "all"})
    assert f'data-act="all-archive" data-id="{escape(stands_for_all)}"' in text
    click("all-archive", stands_for_all)
    assert all(runs.look_up(run_id).archived for run_id in ids)
    assert not runs.look_up(other).archived
    assert "53 runs archived." in shown()
    click("undo", changes.can_be_undone()[0].id)
    assert not any(runs.look_up(run_id).archived for run_id in ids)


def test_the_page_of_a_run_that_was_just_deleted_offers_the_undo() -> None:
    run_id = stored_runs.add("mine")
    click("delete", run_id)
    assert 'data-act="undo"' in shown(run=run_id)
    assert 'data-act="undo"' in shown()


def test_tags_note_and_star_are_written_on_the_page_of_a_run() -> None:
    run_id = stored_runs.add("mine")
    click("tags", run_id, tags="a, b c,")
    click("note", run_id, note="**bold**")
    click("favourite", run_id)
    assert runs.look_up(run_id).tags == ["a", "b c"]
    text = shown(run=run_id)
    for words in ("<strong>bold</strong>", 'data-act="unfavourite"', '<bdi class="ts-mark">b c</bdi>', "a, b c"):
        assert words in text


def test_views_are_saved_shown_and_deleted(toasts: list[str]) -> None:
    stored_runs.add("mine", RunStatus.FAILED)
    assert 'src="/fragments/runs/filters"' in shown()
    assert "Save this view" not in offered()
    assert 'name="query" value="status=failed"' in offered(status="failed", page="1")
    click("save-view", "default", name=HOSTILE, query="status=failed")
    text = offered(status="failed")
    assert 'href="/runs?status=failed" aria-current="true"' in text
    assert "<img" not in text
    click("delete-view", views.of_project("default")[0].id)
    assert views.of_project("default") == []


@pytest.mark.parametrize("text", [HOSTILE, TURNED, "שלום", "'\"><script>alert(1)</script>"])
def test_names_tags_notes_views_and_the_undo_are_text(text: str) -> None:
    run_id = stored_runs.add(text, tags=[text], note=text)
    changes.change(run_id, changes.Change(archived=True))
    for query in ({"show": "all"}, {"run": run_id}, {"show": "all", "tag": text, "q": text, "chosen": text}):
        page_text = shown(**query)
        assert "<img" not in page_text
        assert "<script" not in page_text
        assert "<bdi" in page_text


def test_a_note_is_markdown_that_can_do_nothing() -> None:
    text = markdown.shown(
        "# Title\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[web](https://example.org/?a=1&b=2) ![i](http://e/x.png)\n\n"
        "[js](javascript:alert(1)) [d](data:text/html,x) [r](//evil) [c](JaVaScRiPt:x) <b onclick=x>raw</b> `${x}`"
    )
    assert 'rel="noopener nofollow"' in text
    assert "<td>1</td>" in text
    for words in ("<img", "<b ", 'href="javascript', 'href="data', 'href="//'):
        assert words not in text


def test_what_the_address_does_not_know_counts_as_no_filter() -> None:
    wanted = asked.wanted({**DEFAULT, "status": "x", "when": "y", "show": "z"})
    assert (wanted.statuses, wanted.since, wanted.archived) == ((), None, False)


def test_what_a_run_learnt_from_is_not_said_twice_where_its_name_says_it() -> None:
    with db.session() as session:
        session.add(Model(id="m2", source="hub", source_id="o/tiny", name="owner/tiny", status=ModelStatus.READY))
    stored_runs.add("named by hand")
    assert shown().count("<small>tiny on rows</small>") == 1
    stored_runs.add("tiny on rows")
    stored_runs.add("tiny on rows", model_id="m2")
    assert shown().count("on rows</small>") == 1
    stored_runs.add("by hand", model_id="m2")
    assert shown().count("<small>owner/tiny on rows</small>") == 1


def test_a_sweep_is_one_line_that_leads_to_its_trials() -> None:
    stored_runs.add("alone")
    trials = [stored_runs.add(f"Trial {number}: learning_rate={number}", sweep_id="s1") for number in range(3)]
    with db.session() as session:
        session.add(Sweep(id="s1", project_id="default", name=HOSTILE, spec={}, status=SweepStatus.RUNNING))
        session.flush()
        session.add_all(
            SweepTrial(sweep_id="s1", number=number, run_id=run_id, params={}, state="complete" if number else "failed")
            for number, run_id in enumerate(trials)
        )
    text = shown()
    assert "2 runs" not in text
    assert "1 run and 1 sweep" in text
    assert "Trial 2:" not in text
    assert "3 trials: 2 complete, 1 failed" in text
    assert 'href="/runs?sweep=s1"' in text
    assert "<img" not in text
    of_sweep = shown(sweep="s1")
    assert all(f"Trial {number}: learning_rate={number}" in of_sweep for number in range(3))
    assert ">alone<" not in of_sweep
    assert "Trials of the sweep" in of_sweep
    assert "Trial 2:" in shown(q="Trial")  # what is looked for is shown itself, with its sweep beside it
    assert '<option value="s1" selected>' in offered(sweep="s1")
