"""The Registry page: what it shows of models, versions, aliases and the disk, and what its buttons do."""

import pytest

from engine.errors import ConflictError, RefusedError
from engine.registry import aliases, disk, registered, versions
from engine.registry.aliases import Promotion
from engine.runs import runs as all_runs
from pages.registry import page
from pages.registry.clean_up import disk_html
from pages.registry.listing import registry_html
from pages.runs.page import runs_html
from storage import db
from storage.statuses import WorkStatus
from storage.tables import Evaluation, Run
from tests.serving import finished_checkpoint, finished_run, ready_model

QUERY = {"project": "default", "role": "owner"}


@pytest.fixture
def runs() -> tuple[Run, Run]:
    model = ready_model()
    return finished_run(model, "<b>first</b>"), finished_run(model, "second")


def shown(**query: str) -> str:
    return registry_html({**QUERY, **query})


def test_an_empty_registry_says_what_it_is_for_and_offers_what_can_be_kept(runs: tuple[Run, Run]) -> None:
    text = shown()
    assert "Nothing is kept yet" in text
    assert f'value="run:{runs[0].id}"' in text
    assert "&lt;b&gt;first&lt;/b&gt;" in text
    assert "<b>first" not in text


def test_a_run_links_here_and_is_chosen_in_the_form(runs: tuple[Run, Run]) -> None:
    assert f"/registry?keep={runs[1].id}" in runs_html({**QUERY, "run": runs[1].id})
    text = shown(keep=runs[1].id)
    assert f'value="run:{runs[1].id}" selected' in text
    assert 'name="name" value="second"' in text


def test_keep_move_roll_back_and_delete_do_what_their_buttons_say(runs: tuple[Run, Run]) -> None:
    for run in runs:
        page.ACTS["keep"]("new", {"what": f"run:{run.id}", "name": "jokes", "note": "good"})
    page.ACTS["move"]("jokes", {"alias": "production", "version": "1", "why": "works", "gate": ""})
    page.ACTS["move"]("jokes", {"alias": "production", "version": "2", "why": "better", "seen-production": "1"})
    assert "leads to version 2" in shown(model="jokes")
    page.ACTS["rollback"]("jokes@production", {"why": "worse"})
    text = shown(model="jokes")
    assert "leads to version 1" in text
    assert "worse (the owner, in the window)" in text
    page.ACTS["change"]("jokes/2", {"stage": "retired", "note": "old", "tags": "a, b"})
    page.ACTS["change-model"]("jokes", {"note": "puns", "tags": ""})
    assert versions.look_up("jokes", 2).tags == ["a", "b"]
    assert registered.look_up("jokes").note == "puns"
    page.ACTS["delete-version"]("jokes/2", {})
    page.ACTS["remove-alias"]("jokes@production", {})
    page.ACTS["delete-model"]("jokes", {})
    assert "no longer in the registry" in shown(model="jokes")


def test_who_looked_before_somebody_moved_the_alias_is_told_so(runs: tuple[Run, Run]) -> None:
    for run in runs:
        versions.add("jokes", run_id=run.id)
    aliases.move("jokes", "production", Promotion(1, "mine"))
    with pytest.raises(ConflictError, match="leads to version 1 now: somebody else has moved it"):
        page.ACTS["move"]("jokes", {"alias": "production", "version": "2", "why": "theirs", "seen-production": ""})
    for values in ({"alias": "production", "version": "two", "why": "x"}, {"alias": "<i>", "version": "1", "why": "x"}):
        with pytest.raises(RefusedError):
            page.ACTS["move"]("jokes", values)
    with pytest.raises(RefusedError, match="Nothing was chosen"):
        page.ACTS["keep"]("new", {"what": "", "name": "jokes"})


def test_versions_stand_beside_each_other_with_what_was_measured_and_an_explanation(runs: tuple[Run, Run]) -> None:
    for run in runs:
        versions.add("jokes", run_id=run.id)
    assert "not measured" in shown(model="jokes")
    metric = {"name": "exact_match", "title": "Exact match", "better": "higher", "base": 0.1, "tuned": 0.6}
    metric |= {"difference": 0.5, "low": 0.3, "high": 0.7}
    result = {"verdict": "better", "sentence": "It answers better.", "rows": 40, "primary": "exact_match"}
    with db.session() as session:
        session.add(
            Evaluation(
                project_id="default",
                name="first",
                subject=f"run:{runs[0].id}",
                against="model:x",
                run_id=runs[0].id,
                status=WorkStatus.SUCCEEDED,
                result={**result, "metrics": [metric]},
            )
        )
    text = shown(model="jokes")
    assert "Exact match 0.60 <b>+0.50 (0.30 to 0.70)</b>" in text
    assert "19 of 20 cases" in text
    assert text.count("not measured") == 1


def test_the_drawing_leads_from_dataset_and_base_to_the_alias(runs: tuple[Run, Run]) -> None:
    versions.add("jokes", run_id=runs[0].id)
    aliases.move("jokes", "production", Promotion(1, "works"))
    drawn = shown(model="jokes").split('class="rg-lines"')[1].split("</ol>")[0]
    nouns = [part.split('"')[0] for part in drawn.split('data-noun="')[1:]]
    assert nouns == ["dataset", "base", "run", "version", "alias"]


def test_a_run_that_is_kept_says_so_when_somebody_deletes_it(runs: tuple[Run, Run]) -> None:
    versions.add("jokes", run_id=runs[0].id)
    with pytest.raises(ConflictError, match="version 1 of `jokes` holds it"):
        all_runs.delete_run(runs[0].id)


def test_what_is_safe_to_remove_is_named_with_its_reason_and_goes(runs: tuple[Run, Run]) -> None:
    finished_checkpoint(runs[1], 5)
    disk.forget()
    text = disk_html(QUERY)
    assert "Checkpoints of second" in text
    assert "nothing resumes from them" in text
    page.ACTS["clean-up"](f"checkpoints:{runs[1].id}", {})
    assert "everything here is in use" in disk_html(QUERY)
    assert disk_html({**QUERY, "model": "jokes"}) == ""
