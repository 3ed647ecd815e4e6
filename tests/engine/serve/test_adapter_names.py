"""Which names an endpoint has, whatever is added and removed in whatever order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.serve import adapter_names
from engine.serve.adapter_names import BASE

RUNS = ("aaa111", "bbb222", "ccc333")
subjects = st.one_of(st.sampled_from(RUNS), st.builds("{}@{}".format, st.sampled_from(RUNS), st.integers(0, 99)))
names = st.sampled_from([None, "jokes", "prod", "jokes:prod", "canary", "jokes:canary"])
acts = st.lists(st.tuples(st.booleans(), subjects, names), max_size=12)


@given(acts, st.lists(subjects, max_size=3))
def test_a_change_of_one_name_changes_no_other_but_those_of_what_goes(
    changes: list[tuple[bool, str, str | None]], start: list[str]
) -> None:
    adapters = adapter_names.written(adapter_names.entries(start))
    for adds, subject, name in changes:
        before = adapter_names.public("jokes", adapters)
        if adds:
            adapters = adapter_names.added("jokes", adapters, subject, name)
        else:
            try:
                adapters = adapter_names.removed("jokes", adapters, name or subject)
            except NotFoundError:
                continue
        after = adapter_names.public("jokes", adapters)
        assert after["jokes:base"] == BASE
        assert "jokes" in after
        moved = {entry for entry in before if before[entry] != after.get(entry)}
        short = adapter_names.short("jokes", name)
        if adds:
            taken = "jokes" if short == "jokes" else f"jokes:{short}" if short else f"jokes:{subject}"
            assert after[taken] == after[f"jokes:{subject}"] == subject
            gone = before.get(taken)
            assert all(entry == taken or (before[entry] == gone and entry not in after) for entry in moved)
        kept = {target for target in after.values() if target != BASE}
        assert kept == set(adapter_names.subjects(adapters))
        assert {f"jokes:{target}" for target in kept} <= set(after)
        assert adapter_names.written(adapter_names.entries(adapters)) == adapters  # it is read as it was written


@given(acts)
def test_adding_what_is_there_under_that_name_changes_nothing(changes: list[tuple[bool, str, str | None]]) -> None:
    adapters: list[str] = []
    for _adds, subject, name in changes:
        adapters = adapter_names.added("jokes", adapters, subject, name)
        again = adapter_names.added("jokes", adapters, subject, name)
        assert adapter_names.public("jokes", again) == adapter_names.public("jokes", adapters)


def test_the_first_adapter_has_the_endpoints_own_name_and_base_in_its_place_keeps_it_for_the_base() -> None:
    assert adapter_names.public("jokes", ["r1", "prod=r2@30"]) == {
        "jokes": "r1",
        "jokes:base": "base",
        "jokes:r1": "r1",
        "jokes:r2@30": "r2@30",
        "jokes:prod": "r2@30",
    }
    assert adapter_names.public("jokes", ["base", "r1"])["jokes"] == "base"
    assert adapter_names.public("jokes", [])["jokes"] == "base"
    assert adapter_names.added("jokes", [], "r1") == ["base", "r1"]
    assert adapter_names.added("jokes", [], "r1", "jokes") == ["r1"]


def test_what_loses_its_last_given_name_goes_and_what_has_another_stays() -> None:
    assert adapter_names.added("jokes", ["r1", "prod=r2"], "r3", "prod") == ["r1", "prod=r3"]
    assert adapter_names.added("jokes", ["r1", "r2", "prod=r2"], "r3", "jokes:prod") == ["r1", "r2", "prod=r3"]
    assert adapter_names.added("jokes", ["r1", "r2"], "r2", "jokes") == ["r2"]
    assert adapter_names.added("jokes", ["prod=r1"], "r2", "jokes") == ["r2", "prod=r1"]
    assert adapter_names.added("jokes", ["prod=r1"], "r2", "prod") == ["r1", "prod=r2"]
    assert adapter_names.removed("jokes", ["r1", "r2"], "r1") == ["base", "r2"]
    assert adapter_names.removed("jokes", ["r1"], "jokes") == []
    assert adapter_names.removed("jokes", ["base", "r2", "prod=r2"], "prod") == ["base", "r2"]
    assert adapter_names.removed("jokes", ["base", "r2", "prod=r2"], "run:r2") == []


@pytest.mark.parametrize(
    ("adapters", "words"),
    [
        (["r1", "base"], "not first"),
        (["Bad=r1"], "cannot be the name of an adapter"),
        (["base=r1"], "cannot be the name of an adapter"),
        (["-a=r1"], "cannot be the name of an adapter"),
        (["a=r1", "a=r2"], "stands for two"),
        (["r2", "r2=r1"], "stands for two"),
        (["r1@x"], "is not an adapter"),
        (["../x"], "is not an adapter"),
        ([""], "is not an adapter"),
        ([f"r{number}" for number in range(65)], "65 adapters are too many"),
    ],
)
def test_what_cannot_be_served_so_is_refused(adapters: list[str], words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        adapter_names.entries(adapters)


def test_a_step_is_a_number_however_it_is_written() -> None:
    assert adapter_names.subjects(["run:r1@007", "r1@7"]) == ["r1@7"]
    assert adapter_names.run_ids(["base", "prod=r1@7", "r1", "r2"]) == ["r1", "r2"]


def test_a_name_that_was_moved_meanwhile_is_said() -> None:
    adapter_names.refuse_lost_race("jokes", "prod", None, None)
    with pytest.raises(ConflictError, match="changed by somebody else"):
        adapter_names.refuse_lost_race("jokes", "prod", "a", "b")
