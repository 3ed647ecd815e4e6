"""Every metric of a run has one chart, in its group and with words."""

from engine.runs import metric_groups
from engine.runs.metric_groups import GROUPS, MOST_AXIS_LETTERS, MetricChart, charts

SFT = (
    "loss", "eval_loss", "learning_rate", "grad_norm", "entropy", "eval_entropy", "mean_token_accuracy",
    "eval_mean_token_accuracy", "num_tokens", "eval_num_tokens", "epoch", "tokens_per_second", "eval_runtime",
    "eval_samples_per_second", "eval_steps_per_second", "wall_time",
)  # fmt: skip
DPO = tuple(
    f"{prefix}{name}"
    for prefix in ("", "eval_")
    for name in (
        "rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins", "logps/chosen", "logps/rejected",
        "logits/chosen", "logits/rejected", "loss",
    )
)  # fmt: skip
GRPO = (
    "loss", "reward", "eval_reward", "reward_std", "frac_reward_zero_std", "rewards/python/mean", "rewards/python/std",
    "rewards/length/mean", "rewards/length/std", "eval_rewards/python/mean", "completions/mean_length",
    "completions/min_length", "completions/max_length", "completions/clipped_ratio",
    "completions/mean_terminated_length", "completions/min_terminated_length", "completions/max_terminated_length",
    "clip_ratio/low_mean", "clip_ratio/high_mean", "clip_ratio/region_mean", "kl", "entropy", "step_time",
)  # fmt: skip
ORPO = ("nll_loss", "log_odds_ratio", "log_odds_chosen", "eval_nll_loss")
REWARD = ("min_reward", "mean_reward", "max_reward", "accuracy", "margin", "eval_accuracy")
MACHINE = (
    "machine/cpu_percent", "machine/run_cpu_percent", "machine/memory_bytes", "machine/run_memory_bytes",
    "machine/cpu_watts", "machine/disk_bytes", "machine/gpu0_percent",
    "machine/gpu1_percent", "machine/gpu0_memory_bytes", "machine/gpu0_temperature", "machine/gpu0_watts",
)  # fmt: skip


def by_title(names: tuple[str, ...]) -> dict[str, MetricChart]:
    return {chart.title: chart for chart in charts(names)}


def test_every_metric_is_in_one_chart_and_the_known_ones_have_words_of_their_own() -> None:
    for names in (SFT, DPO, GRPO, ORPO, REWARD, MACHINE):
        drawn = [name for chart in charts(names) for name, _ in chart.series]
        assert sorted(drawn) == sorted(set(names) - metric_groups.HIDDEN)
        assert all(chart.group != "other" for chart in charts(names)), charts(names)
        assert all(label for chart in charts(names) for _, label in chart.series)


def test_quality_comes_first_then_optimisation_then_machine_then_the_rest() -> None:
    groups = [chart.group for chart in charts((*SFT, *GRPO, *MACHINE, "something/new"))]
    assert list(dict.fromkeys(groups)) == [group for group, _ in GROUPS]


def test_training_and_held_out_share_a_chart() -> None:
    assert by_title(SFT)["Loss"].series == (("loss", "training"), ("eval_loss", "held out"))
    assert by_title(("eval_loss",))["Loss"].series == (("eval_loss", "held out"),)
    reward = by_title(DPO)["Reward of chosen and rejected"]
    assert [label for _, label in reward.series] == ["chosen", "rejected", "chosen, held out", "rejected, held out"]


def test_rewards_are_drawn_by_rule_and_lengths_from_the_least() -> None:
    drawn = by_title(GRPO)
    assert drawn["Each reward"].series[:2] == (("rewards/length/mean", "length"), ("rewards/python/mean", "python"))
    assert [label for _, label in drawn["Length of answers"].series] == ["least", "mean", "greatest"]
    assert drawn["Answers cut off at their greatest length"].unit == "share"


def test_devices_share_the_chart_of_what_is_measured() -> None:
    used = by_title(MACHINE)["CPU and GPU in use"]
    assert [label for _, label in used.series] == ["CPU", "CPU, this run", "GPU 0", "GPU 1"]
    assert used.unit == "percent"


def test_an_unknown_name_has_a_chart_under_its_own_name() -> None:
    hostile = "<b>${x}</b>"
    assert charts((hostile, f"eval_{hostile}", "machine/fan")) == [
        MetricChart("machine", "machine/fan", "", (("machine/fan", "value"),), "machine/fan"),
        MetricChart("other", hostile, "", ((hostile, "training"), (f"eval_{hostile}", "held out")), hostile),
    ]


def test_every_chart_has_words_at_its_axis_that_fit_beside_it() -> None:
    drawn = charts((*SFT, *DPO, *GRPO, *ORPO, *REWARD, *MACHINE, "a name that somebody made very long/for/a/metric"))
    assert {chart.title: chart.axis for chart in drawn if not chart.axis or len(chart.axis) > MOST_AXIS_LETTERS} == {}
    assert {chart.axis for chart in drawn if chart.unit == "share"} == {"Share"}
    assert by_title(DPO)["Margin between chosen and rejected"].axis == "Margin"
    assert drawn[-1].axis == "Value"
