"""Lists of evaluations: what is picked of them, and which."""

from storage import db, evaluations
from storage.evaluations import Filter
from storage.statuses import WorkStatus
from tests import fixed_reports
from tests.stored_evaluations import add


def test_a_list_picks_what_it_shows_and_leaves_the_rows_that_got_worse() -> None:
    row = add("sums", tags=["a", "b"])
    with db.reading() as session:
        (picked,) = evaluations.listed(session, Filter("default"))
    assert picked["id"] == row.id
    assert picked["tags"] == ["a", "b"]
    assert picked["verdict"] == "better"
    assert picked["metrics"] == fixed_reports.BETTER["metrics"]
    assert picked["skills"]["questions"] == 60
    assert "worse_rows" not in picked


def test_one_without_a_result_has_none_of_it() -> None:
    add("waits", status=WorkStatus.QUEUED, result={})
    with db.reading() as session:
        (picked,) = evaluations.listed(session, Filter("default"))
    assert [picked[name] for name in evaluations.OF_RESULT] == [None] * len(evaluations.OF_RESULT)


def test_lists_are_filtered_by_status_tag_and_words() -> None:
    add("sums", tags=["lesson"])
    add("jokes", status=WorkStatus.FAILED, result={})
    for wanted, names in (
        (Filter("default", statuses=(WorkStatus.FAILED, WorkStatus.STOPPED)), ["jokes"]),
        (Filter("default", tag="lesson"), ["sums"]),
        (Filter("default", search="JOK"), ["jokes"]),
        (Filter("other"), []),
    ):
        with db.reading() as session:
            assert [row["name"] for row in evaluations.listed(session, wanted)] == names


def test_several_come_in_the_order_of_their_ids() -> None:
    first, second = add("one"), add("two")
    with db.reading() as session:
        found = evaluations.several(session, [second.id, "gone", first.id])
    assert [row["name"] for row in found] == ["two", "one"]


def test_those_between_two_subjects_count_both_ways() -> None:
    add("there", "run:a", "run:b")
    add("back", "run:b", "run:a")
    add("not over", "run:a", "run:b", status=WorkStatus.RUNNING)
    add("other", "run:a", "run:c")
    with db.reading() as session:
        assert [row["name"] for row in evaluations.between(session, "default", "run:a", "run:b")] == ["there", "back"]


def test_tags_that_are_in_use_are_known() -> None:
    add("one", tags=["b", "a"])
    add("two", tags=["c"])
    add("none")
    with db.reading() as session:
        assert evaluations.tags_of(session, "default") == ["a", "b", "c"]
