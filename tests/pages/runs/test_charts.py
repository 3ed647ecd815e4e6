"""The run page draws every metric, what a method is judged by first."""

import re

import pytest

from engine.recipes.methods import GENERATING
from pages.parts.chart import Band
from pages.runs import charts, tabs
from storage import db, runs
from storage.tables import Dataset, Model, Run


@pytest.fixture(autouse=True)
def subjects(home: object) -> None:
    with db.session() as session:
        session.add(Model(id="m", source="path", source_id="x", name="m"))
        session.add(Dataset(id="d", project_id="default", name="d"))


def run(method: str, *names: str) -> Run:
    with db.session() as session:
        recipe = {"method": method}
        stored = Run(id="r1", project_id="default", name="r", model_id="m", dataset_id="d", recipe=recipe)
        session.add(stored)
        session.flush()
        runs.add_metrics(session, [("r1", name, 1, 1.0) for name in names])
    return stored


def test_rewards_come_first_where_a_method_is_judged_by_them() -> None:
    assert "grpo" in GENERATING
    one = run(
        "grpo", "loss", "reward", "eval_reward", "rewards/python/mean", "rewards/length/mean", "rewards/python/std"
    )
    for drawn in (charts.main(one), charts.show(one, {})):
        assert drawn.index('metrics="reward\neval_reward" labels="training\nheld out" run="r1"') < drawn.index(
            'metrics="loss"'
        )
        assert 'metrics="rewards/length/mean\nrewards/python/mean" labels="length\npython"' in drawn
    assert charts.main(one).count("<ts-chart ") == charts.MAIN


def test_every_other_run_shows_its_loss_first_and_has_charts_before_its_first_point() -> None:
    drawn = charts.show(run("gkd"), {})
    assert drawn.index('metrics="loss\neval_loss"') < drawn.index("learning_rate") < drawn.index("grad_norm")
    assert "reward" not in drawn


def test_all_metrics_are_grouped_and_a_hostile_name_is_text() -> None:
    drawn = charts.show(run("sft", "loss", "machine/cpu_percent", "<b>${x}</b>"), {})
    places = [drawn.index(f"<h3>{title}</h3>") for title in ("Quality", "Optimisation", "Machine", "Other")]
    assert places == sorted(places)
    assert 'metrics="&lt;b&gt;${x}&lt;/b&gt;"' in drawn
    assert "<b>${x}" not in drawn
    assert 'unit="percent"' in drawn


def test_bands_go_to_the_chart_of_their_metric() -> None:
    band = Band("grad_norm", 3, 9, "warning", 'It "explodes".')
    drawn = str(charts.show(run("sft", "loss", "grad_norm"), {}, [band]))
    marked = [part for part in drawn.split("<ts-chart ") if "explodes" in part]
    assert len(marked) == 1
    assert 'metrics="grad_norm"' in marked[0]
    assert "&#34;from&#34;: 3, &#34;to&#34;: 9" in marked[0]
    assert 'data-fresh="metrics labels bands"' in marked[0]


def test_a_link_to_another_tab_carries_how_charts_look() -> None:
    query = {"run": "r1", "smooth": "0.9", "x": "tokens", "sort": "name"}
    assert tabs.address("r1", "log", query) == "/runs?run=r1&tab=log&smooth=0.9&x=tokens"
    assert tabs.address("r1") == "/runs?run=r1"


def titles(drawn: str) -> list[str]:
    return re.findall('<ts-chart [^>]*title="([^"]*)"', drawn)


def test_charts_that_somebody_has_moved_change_places_and_the_others_keep_theirs() -> None:
    one = run("sft", "loss", "mean_token_accuracy", "perplexity", "learning_rate", "grad_norm", "<b>|,${x}")
    usual = ["Loss", "Token accuracy", "Perplexity", "Learning rate", "Gradient norm", "&lt;b&gt;|,${x}"]
    assert titles(charts.show(one, {})) == usual
    assert "data-usual-order" not in charts.show(one, {})
    moved = charts.show(one, {"charts": "Perplexity|Gone|Loss|%3Cb%3E%7C%2C%24%7Bx%7D"})
    assert titles(moved) == ["Perplexity", "Token accuracy", "Loss", *usual[3:]]
    assert "data-usual-order" in moved
    assert titles(charts.show(one, {"charts": "%|" * 999 + "%ff%zz"})) == usual
