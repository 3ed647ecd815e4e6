"""The Sweeps page on a recorded sweep: what it shows, and what its buttons do."""

import re
from typing import Any

import pytest

from engine.sweeps import study, sweeps
from engine.sweeps.picture import Picture
from engine.sweeps.results import importance
from engine.sweeps.spec import Objective, Proxy
from engine.sweeps.study import Trial
from pages.sweeps import one_view, page
from pages.train.recipe_source import choices_in, start_values
from storage import db
from storage.samples import queries
from storage.statuses import SweepStatus
from storage.tables import Sweep
from tests import recorded_sweep
from tests.browser.stored_runs import add_run
from tests.pages.clicks import Click, Visitor

YOU: Any = Visitor()


def shown(**query: str) -> str:
    return page.sweeps_html({"project": "default", **query})


def stored(picture: Picture | None = None) -> str:
    return recorded_sweep.store(picture or recorded_sweep.picture())


def test_an_empty_page_says_how_a_sweep_is_started_from_train() -> None:
    text = shown()
    for part in ("No sweeps yet", "Train page", 'href="/train"', "range"):
        assert part in text, part


def test_the_list_says_what_each_looks_for_how_far_it_is_and_what_is_best() -> None:
    stored()
    stored(recorded_sweep.picture("sw2", "tags <b>bold</b>"))
    text = shown()
    for part in (
        'href="/sweeps?sweep=swrecorded60"', "least loss on the held-out rows", "58 of 60",
        "4 failed, 11 pruned, 2 refused", "<b>1.184</b>", "tags &lt;b&gt;bold&lt;/b&gt;",
    ):  # fmt: skip
        assert part in text, part


def test_the_best_is_shown_with_its_lead_and_how_sure_that_is() -> None:
    text = shown(sweep=stored())
    for part in (
        "<b>1.188</b>", "the mean of trial 45 with 3 other seeds",
        "-0.059 against the start. That is more than chance.",
        "reached 1.247. 95 % interval: -0.101 to -0.017, from 3 repeats",
        'href="/train?sweep=swrecorded60&amp;trial=45"', 'href="/runs?run=run045recorded"', "1e-05 to 0.003 (log)",
        "43 complete, 11 pruned, 4 failed, 2 refused", "TPE", "median",
    ):  # fmt: skip
        assert part in text, part


def test_without_repeats_it_is_said_that_nobody_knows_how_sure() -> None:
    picture = recorded_sweep.picture()
    text = shown(sweep=stored(picture.model_copy(update={"trials": picture.trials[:60]})))
    assert "-0.063 against the start. How sure that is, is unknown." in text
    assert "It was not repeated with another seed" in text


def test_every_chart_has_an_element_that_fetches_what_it_draws() -> None:
    sweep_id = stored()
    overview, charts = shown(sweep=sweep_id), shown(sweep=sweep_id, tab="charts")
    for kind in ("history", "importance"):
        assert f'kind="{kind}" sweep="swrecorded60"' in overview
    for kind in ("parallel", "contour", "timeline"):
        assert f'kind="{kind}"' in charts
    assert charts.count('kind="slice"') == 5
    two = stored(recorded_sweep.two_objectives())
    assert 'kind="pareto"' in shown(sweep=two)
    assert "4 trials that no other beats in everything" in shown(sweep=two)
    assert 'kind="contour" sweep="swrecorded2" title="Contour of two fields" objective="1"' in shown(
        sweep=two, tab="charts", value="1"
    )


def test_the_trials_say_why_they_did_not_finish_and_lead_to_their_runs() -> None:
    sweep_id = stored()
    text = shown(sweep=sweep_id, tab="trials")
    for part in (
        "out of memory: 2.31 GB",
        "behind the median of",
        "45 with another seed",
        'href="/runs?run=run013recorded"',
    ):
        assert part in text, part
    failed = shown(sweep=sweep_id, tab="trials", state="failed")
    assert failed.count("<tr data-id") == 4
    by_value = shown(sweep=sweep_id, tab="trials", sort="value")
    assert by_value.index(">62</a>") < by_value.index(">45</a>") < by_value.index(">13</a>")
    assert 'aria-sort="ascending"' in by_value


def test_a_trial_that_the_pruner_ended_can_be_trained_in_full_once() -> None:
    picture = recorded_sweep.picture()
    pruned = [trial for trial in picture.trials if trial.state == "pruned"]
    text = shown(sweep=stored(picture), tab="trials")
    assert text.count('data-act="full"') == len(pruned)
    assert f'data-act="full" data-id="swrecorded60:{pruned[0].number}"' in text
    again = Trial(number=70, state="running", phase="full", of=pruned[0].number, params=pruned[0].params)
    text = str(one_view.sweep_html(picture.model_copy(update={"trials": (*picture.trials, again)}), {"tab": "trials"}))
    assert text.count('data-act="full"') == len(pruned) - 1


def test_names_and_reasons_are_escaped_everywhere() -> None:
    picture = recorded_sweep.picture(name="<i>x</i>")
    hostile = Trial(number=70, state="failed", params={"lr_scheduler_type": "<i>p</i>"}, reason="<i>r</i>")
    sweep_id = stored(picture.model_copy(update={"trials": (*picture.trials, hostile)}))
    for tab in ("overview", "charts", "trials"):
        assert "<i>x" not in shown(sweep=sweep_id, tab=tab)
    trials = shown(sweep=sweep_id, tab="trials", state="failed")
    assert "&lt;i&gt;p&lt;/i&gt;" in trials
    assert "&lt;i&gt;r&lt;/i&gt;" in trials


def test_the_settings_of_a_trial_fill_the_form_with_the_sweep_as_their_origin() -> None:
    sweep_id = stored()
    start = start_values("", {"sweep": sweep_id, "trial": "45"}, choices_in("default"))
    assert start.recipe["learning_rate"] == 0.000785641
    assert start.recipe["model_id"] == "starter"
    assert start.given["lora_r"] == ("sweep", 32)
    assert "model_id" not in start.given


def test_a_trial_that_is_not_there_is_refused_by_its_name() -> None:
    with pytest.raises(Exception, match="has no trial 99"):
        start_values("", {"sweep": stored(), "trial": "99"}, choices_in("default"))


def test_the_buttons_are_those_that_its_status_allows() -> None:
    picture = recorded_sweep.picture()
    moving = str(one_view.sweep_html(picture.model_copy(update={"status": "running"}), {}))
    stopped = str(one_view.sweep_html(picture.model_copy(update={"status": "stopped"}), {}))
    assert ('data-act="stop"' in moving, 'data-act="resume"' in moving, 'data-act="delete"' in moving) == (
        True,
        False,
        False,
    )
    assert ('data-act="stop"' in stopped, 'data-act="resume"' in stopped, 'data-act="more"' in stopped) == (
        False,
        True,
        True,
    )
    assert "Rerun 4 failed" in stopped
    assert 'data-act="full"' not in stopped  # every trial was trained in full
    cheaper = picture.spec.model_copy(update={"proxy": Proxy(max_steps=20)})
    assert 'data-act="full" data-id="swrecorded60:45"' in str(
        one_view.sweep_html(picture.model_copy(update={"spec": cheaper}), {})
    )


def acts_of(text: str) -> set[str]:
    return set(re.findall(r'data-act="(\w+)"', text))


def test_the_buttons_do_what_they_say(toasts: list[str]) -> None:
    sweep_id = stored(recorded_sweep.picture().model_copy(update={"status": "running"}))
    page.act(Click("stop", sweep_id), YOU)
    assert status(sweep_id) == SweepStatus.STOPPING
    with db.session() as session:
        session.get_one(Sweep, sweep_id).status = SweepStatus.STOPPED
    page.act(Click("more", sweep_id, trials="7"), YOU)
    assert (status(sweep_id), toasts) == (SweepStatus.RUNNING, ["It continues with 7 more trials."])
    page.act(Click("more", sweep_id, trials="many"), YOU)
    assert "`many` is not a number of trials." in toasts[-1]
    with db.session() as session:
        session.get_one(Sweep, sweep_id).status = SweepStatus.SUCCEEDED
    page.act(Click("rerun", sweep_id), YOU)
    assert sweeps.picture(sweep_id).counts()["running"] == 4
    page.act(Click("full", f"{sweep_id}:45"), YOU)
    assert "Trial 45 was trained in full already." in toasts[-1]


def status(sweep_id: str) -> SweepStatus:
    return sweeps.look_up(sweep_id).status


def by_taste(answers: int) -> str:
    """A sweep by taste whose first trials have answered two prompts."""
    picture = recorded_sweep.picture()
    spec = picture.spec.model_copy(
        update={"objective": Objective(metric="taste", direction="maximize"), "pruner": "none"}
    )
    trials = [trial.model_copy(update={"values": None}) for trial in picture.trials[:5]]
    for place, trial in enumerate(trials[:answers]):
        run_id = add_run(f"trial {trial.number}")
        trials[place] = trial.model_copy(update={"run_id": run_id})
        with db.session() as session:
            queries.add(
                session, [answer(run_id, prompt, f"{prompt} <b>{trial.number}</b>") for prompt in ("one", "two")]
            )
    return stored(
        picture.model_copy(update={"spec": spec, "trials": tuple(trials), "id": "swtaste", "name": "by taste"})
    )


def answer(run_id: str, prompt: str, said: str) -> dict[str, Any]:
    asked = {"run_id": run_id, "step": 120, "number": int(prompt == "two"), "prompt": prompt}
    return {**asked, "answer": said, "tokens": 3, "is_cut": False}


def test_two_trials_are_picked_by_taste_without_their_settings_being_seen(toasts: list[str]) -> None:
    sweep_id = by_taste(3)
    text = shown(sweep=sweep_id, tab="answers")
    card = text[text.index("Which answers are better?") :]
    assert card.count("rn-said") == 4
    assert "one &lt;b&gt;0&lt;/b&gt;" in card
    assert "Learning rate" not in card
    page.act(Click("pick", f"{sweep_id}:1:0"), YOU)
    page.act(Click("alike", f"{sweep_id}:1:2"), YOU)
    assert toasts == ["Kept: trial 1 over trial 0.", "Kept: trials 1 and 2 are alike."]
    picture = sweeps.picture(sweep_id)
    assert [(pick.better, pick.worse, pick.alike) for pick in picture.picks] == [(1, 0, False), (1, 2, True)]
    best = picture.best()
    assert best is not None
    assert best.number == 1
    standing = shown(sweep=sweep_id, tab="answers")
    assert "2 picks." in standing
    assert "1.5 of 2" in standing
    page.act(Click("pick", f"{sweep_id}:1"), YOU)
    assert "is not a pair of trials" in toasts[-1]


def test_a_trial_that_nobody_has_compared_has_no_value(toasts: list[str]) -> None:
    sweep_id = by_taste(5)
    before = shown(sweep=sweep_id)
    assert "No trial has been compared yet." in before
    assert 'href="/sweeps?sweep=swtaste&amp;tab=answers"' in before
    page.act(Click("pick", f"{sweep_id}:1:2"), YOU)
    page.act(Click("pick", f"{sweep_id}:1:4"), YOU)
    picture = sweeps.picture(sweep_id)
    assert [trial.number for trial in picture.trials if trial.values] == [1, 2, 4]
    lead = picture.lead()
    assert lead is not None
    assert (lead.gain, lead.why) == (None, "Nobody has compared the trial with the settings of the form yet.")
    told = study.best(picture.trials, "minimize")
    assert told is not None
    assert told.number in (2, 4)  # not one that stands at 0
    standing = shown(sweep=sweep_id, tab="answers")
    assert "2 picks." in standing
    assert "2 trials not compared yet." in standing
    assert standing[standing.index("Ranking") :].count("<tr") == 4  # the head and three


def test_which_fields_mattered_is_said_of_compared_trials_alone() -> None:
    picture = recorded_sweep.picture()
    spec = picture.spec.model_copy(update={"objective": Objective(metric="taste", direction="maximize")})
    trials = tuple(
        trial.model_copy(update={"values": (0.5,) if trial.number < 8 and trial.state == "complete" else None})
        for trial in picture.trials
    )
    few = importance.too_few(picture.model_copy(update={"spec": spec, "trials": trials}))
    assert few is not None
    compared = sum(trial.values is not None for trial in trials)
    assert few["said"] == f"Too few trials to say: {compared} of the 40 compared ones that it takes."


def test_without_two_trials_with_answers_there_is_nothing_to_pick() -> None:
    text = shown(sweep=by_taste(1), tab="answers")
    assert "There are no two trials to compare yet." in text
    assert 'data-act="pick"' not in text


def test_a_sweep_that_is_gone_is_said_to_be() -> None:
    assert "This sweep no longer exists" in shown(sweep="nothing")


def test_how_far_it_is_counts_the_trials_that_were_added() -> None:
    picture = recorded_sweep.picture().model_copy(update={"status": "running", "goal": 116})
    assert 'aria-valuenow="50.0"' in str(one_view.sweep_html(picture, {}))
