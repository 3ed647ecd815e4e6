"""Which charts a run has: every metric it reports, grouped, with words and a unit for people. Pure.

The names are those that TRL 1.16 logs for each method, those of transformers' Trainer, and the studio's own
(`tokens_per_second`, `machine/...`). A name that is not in the table gets a chart in the group "other".
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Group = Literal["quality", "optimisation", "machine", "other"]
Unit = Literal["", "share", "percent", "tokens", "tokens/s", "seconds", "bytes", "watts", "celsius"]

GROUPS: tuple[tuple[Group, str], ...] = (
    ("quality", "Quality"),
    ("optimisation", "Optimisation"),
    ("machine", "Machine"),
    ("other", "Other"),
)
WALL_TIME = "wall_time"
"""Seconds since 1970 when a step was reported: an axis, no chart."""

# What stands at the axis of values: the ticks have the unit, so this says what of it.
AXES: dict[Unit, str] = {
    "share": "Share", "percent": "In use", "tokens": "Tokens", "tokens/s": "Tokens/s", "seconds": "Time",
    "bytes": "Size", "watts": "Power", "celsius": "Temperature",
}  # fmt: skip
MOST_AXIS_LETTERS = 24  # that fit beside the lowest chart

HELD_OUT = "eval_"
HIDDEN = frozenset((WALL_TIME, "eval_num_tokens", "eval_epoch"))


@dataclass(frozen=True)
class MetricChart:
    """One chart. `series` are (metric, words), in the order of their colours."""

    group: Group
    title: str
    unit: Unit
    series: tuple[tuple[str, str], ...]
    axis: str = "Value"  # what stands at the axis of values


@dataclass(frozen=True)
class _Entry:
    """A line of the table. A metric's name may be a regular expression; what its group holds is the words."""

    group: Group
    title: str
    metrics: tuple[tuple[str, str], ...]
    unit: Unit = ""
    short: str = ""  # the title at the axis, where it is too long for it

    @property
    def axis(self) -> str:
        return AXES.get(self.unit, self.short or self.title)

    def series(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        ordered = sorted(names)
        for prefix in ("", HELD_OUT):
            for pattern, words in self.metrics:
                for name in ordered:
                    match = re.fullmatch(re.escape(prefix) + pattern, name)
                    if match:
                        yield name, self._words(match, words, prefix)

    def _words(self, match: re.Match[str], words: str, prefix: str) -> str:
        own = words.format(*match.groups())
        if len(self.metrics) == 1 and not match.groups():
            return "held out" if prefix else own
        return f"{own}, held out" if prefix else own


def _range(name: str) -> tuple[tuple[str, str], ...]:
    """The least, the mean and the greatest of something, as TRL names them."""
    words = (("min", "least"), ("mean", "mean"), ("max", "greatest"))
    return tuple((re.escape(name.format(short)), long) for short, long in words)


def _one(group: Group, title: str, name: str, unit: Unit = "", words: str = "training", short: str = "") -> _Entry:
    return _Entry(group, title, ((re.escape(name), words),), unit, short)


TABLE = (
    _one("quality", "Loss", "loss"),
    _one("quality", "Reward", "reward"),
    _Entry("quality", "Each reward", ((r"rewards/(.+)/mean", "{}"),)),
    _Entry("quality", "Spread of each reward", ((r"rewards/(.+)/std", "{}"),)),
    _one("quality", "Spread of the reward", "reward_std"),
    _one("quality", "Groups whose answers all have the same reward", "frac_reward_zero_std", "share"),
    _one("quality", "Margin between chosen and rejected", "rewards/margins", short="Margin"),
    _one("quality", "Accuracy of pairs", "rewards/accuracies", "share"),
    _Entry("quality", "Reward of chosen and rejected", ((r"rewards/(chosen|rejected)", "{}"),), short="Reward"),
    _one("quality", "Accuracy of pairs", "accuracy", "share"),
    _one("quality", "Margin between chosen and rejected", "margin", short="Margin"),
    _Entry("quality", "Scores", _range("{}_reward")),
    _one("quality", "Token accuracy", "mean_token_accuracy", "share"),
    _one("quality", "Perplexity", "perplexity"),
    _one("quality", "Loss on the chosen answers", "nll_loss", short="Loss"),
    _one("quality", "Log odds ratio", "log_odds_ratio"),
    _one("quality", "Log odds of the chosen answers", "log_odds_chosen", short="Log odds"),
    _one("quality", "Loss of the preference", "policy_loss"),
    _Entry("quality", "Length of answers", _range("completions/{}_length"), "tokens"),
    _Entry("quality", "Length of answers that ended", _range("completions/{}_terminated_length"), "tokens"),
    _one("quality", "Answers cut off at their greatest length", "completions/clipped_ratio", "share"),
    _one("quality", "Tool calls an answer", "tools/call_frequency"),
    _one("quality", "Tool calls that failed", "tools/failure_frequency", "share"),
    _one("optimisation", "Learning rate", "learning_rate"),
    _one("optimisation", "Gradient norm", "grad_norm"),
    _one("optimisation", "Entropy", "entropy"),
    _one("optimisation", "Weight of the entropy", "entropy_coef"),
    _one("optimisation", "KL divergence from the reference", "kl", short="KL divergence"),
    _Entry("optimisation", "Log probability", ((r"logps/(chosen|rejected)", "{}"),)),
    _Entry("optimisation", "Logits", ((r"logits/(chosen|rejected)", "{}"),)),
    _Entry(
        "optimisation", "Share of clipped ratios", ((r"clip_ratio/(.+)", "{}"), (r"(cispo)_clip_ratio", "{}")), "share"
    ),
    _Entry("optimisation", "Importance sampling", ((r"sampling/(.+)", "{}"),)),
    _one("optimisation", "Sequence weight (VESPO)", "vespo/phi_seq_mean"),
    _one("optimisation", "Load balance of experts", "aux_loss"),
    _one("optimisation", "Tokens learnt from", "num_tokens", "tokens", "tokens"),
    _one("optimisation", "Epoch", "epoch", "", "epoch"),
    _one("machine", "Tokens per second", "tokens_per_second", "tokens/s"),
    _one("machine", "Time spent waiting for rows", "data_wait_share", "share"),
    _one("machine", "Most memory taken so far", "peak_memory_bytes", "bytes"),
    _one("machine", "Time of a step", "step_time", "seconds"),
    _Entry(
        "machine",
        "CPU and GPU in use",
        (
            (r"machine/cpu_percent", "CPU"),
            (r"machine/run_cpu_percent", "CPU, this run"),
            (r"machine/gpu(\d+)_percent", "GPU {}"),
        ),
        "percent",
    ),
    _Entry(
        "machine",
        "Memory",
        ((r"machine/memory_bytes", "machine"), (r"machine/run_memory_bytes", "this run")),
        "bytes",
    ),
    _Entry("machine", "GPU memory", ((r"machine/gpu(\d+)_memory_bytes", "GPU {}"),), "bytes"),
    _Entry("machine", "Disk in use", ((r"machine/disk_bytes", "disk"),), "bytes"),
    _Entry("machine", "GPU temperature", ((r"machine/gpu(\d+)_temperature", "GPU {}"),), "celsius"),
    _Entry("machine", "Power", ((r"machine/cpu_watts", "processor"), (r"machine/gpu(\d+)_watts", "GPU {}")), "watts"),
    _one("machine", "Time of an evaluation", "eval_runtime", "seconds", "evaluation"),
    _Entry("machine", "Speed of the evaluation", ((r"eval_(samples|steps)_per_second", "{} a second"),)),
)


def charts(names: Iterable[str]) -> list[MetricChart]:
    """Every metric in exactly one chart: quality first, then optimisation, machine and what the table does not know."""
    left = set(names) - HIDDEN
    drawn = []
    for entry in TABLE:
        series = tuple(entry.series(left))
        if series:
            drawn.append(MetricChart(entry.group, entry.title, entry.unit, series, entry.axis))
            left -= {name for name, _ in series}
    drawn.extend(_unknown(left))
    order = [group for group, _ in GROUPS]
    return sorted(drawn, key=lambda chart: order.index(chart.group))


def _unknown(names: set[str]) -> Iterator[MetricChart]:
    """One chart a name, with its held-out twin."""
    for name in sorted(names):
        if name.startswith(HELD_OUT) and name.removeprefix(HELD_OUT) in names:
            continue
        twin = HELD_OUT + name
        series = ((name, "training"), (twin, "held out")) if twin in names else ((name, "value"),)
        group: Group = "machine" if name.startswith("machine/") else "other"
        yield MetricChart(group, name, "", series, name if len(name) <= MOST_AXIS_LETTERS else "Value")
