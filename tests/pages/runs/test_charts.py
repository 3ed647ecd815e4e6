"""The run page draws what a method is judged by."""

from pages.runs.charts import charts
from storage.tables import Run


def run(**recipe: str) -> Run:
    return Run(id="r1", project_id="default", name="r", model_id="m", dataset_id="d", recipe=recipe)


def test_a_run_of_rewards_shows_them_one_by_one_and_on_held_out_prompts() -> None:
    drawn = charts(run(method="grpo", reward_funcs="python, length"))
    assert 'metrics="reward\neval_reward" labels="training\nheld out" run="r1"' in drawn
    assert 'metrics="rewards/python/mean\nrewards/length/mean" labels="python\nlength"' in drawn
    assert 'metrics="rewards/python/std\nrewards/length/std"' in drawn
    assert "eval_loss" not in drawn
    drawn = charts(run(method="rloo", reward_funcs="exact_match, regex, json_schema, length, python"))
    assert drawn.count("Each reward") == 2, "there are four colours"


def test_every_other_run_shows_its_loss_first() -> None:
    drawn = charts(run(method="gkd"))
    assert drawn.index('metrics="loss\neval_loss"') < drawn.index("grad_norm")
    assert "reward" not in drawn
