"""How many steps a sweep takes to come near the best: `python -m tests.bench.sweeps [--seeds 20] [--trials 200]`.

A training of known optimum (tests.synthetic_trial), one trial at a time, asked of the very functions that the worker of
a sweep answers with. For each way: the steps trained until a trial that ran to its end is within 5 % of the best loss
there is, pruned trials counted with theirs; the median of the seeds, and how many of them never came there.

`--pruned 10` measures instead how soon a pruned trial has made room for the next, in a real studio.
"""

import argparse
import math
import statistics
import time
from typing import NamedTuple

from engine.sweeps.spec import Pruner, Sampler
from engine.sweeps.study import Advice, Question, Study, Trial
from engine.workers.sweeps import advice
from tests import synthetic_trial as synthetic
from tests.bench import pruned_trials

NEAR = 1.05
WAYS: tuple[tuple[Sampler, Pruner], ...] = (
    ("random", "none"),
    ("random", "median"),
    ("qmc", "none"),
    ("tpe", "none"),
    ("tpe", "median"),
    ("tpe", "patient"),
    ("tpe", "halving"),
    ("tpe", "hyperband"),
)


class Search(NamedTuple):
    """One sweep: the steps until it came near, if it did; how many trials that took; how many of them were pruned."""

    steps: int | None
    trials: int
    pruned: int


def search(sampler: Sampler, pruner: Pruner, seed: int, most: int) -> Search:
    rows: list[Trial] = []
    steps = 0
    while len(rows) < most:
        params = asked(sampler, pruner, seed, rows, ask=1).params[0]
        rows.append(Trial(number=len(rows), state="running", params=params))
        steps += train(rows, sampler, pruner, seed)
        if rows[-1].values and rows[-1].values[0] <= NEAR * synthetic.OPTIMUM:
            return Search(steps, len(rows), sum(row.state == "pruned" for row in rows))
    return Search(None, len(rows), sum(row.state == "pruned" for row in rows))


def train(rows: list[Trial], sampler: Sampler, pruner: Pruner, seed: int) -> int:
    """Runs the newest trial to its end, or until its pruner ends it; says how many steps that took."""
    for step in range(synthetic.EVERY, synthetic.STEPS + 1, synthetic.EVERY):
        trial = rows[-1]
        loss = synthetic.eval_loss(trial.params, step)
        rows[-1] = trial.model_copy(update={"steps": trial.steps | {step: loss}})
        if pruner == "none" or step == synthetic.STEPS:
            continue
        if asked(sampler, pruner, seed, rows, prune=(trial.number,)).prune[trial.number]:
            rows[-1] = rows[-1].model_copy(update={"state": "pruned"})
            return step
    ended = {"state": "failed"} if math.isnan(loss) else {"state": "complete", "values": (loss,)}
    rows[-1] = rows[-1].model_copy(update=ended)
    return synthetic.STEPS


def asked(
    sampler: Sampler, pruner: Pruner, seed: int, rows: list[Trial], ask: int = 0, prune: tuple[int, ...] = ()
) -> Advice:
    study = Study(
        space=synthetic.SPACE,
        whole=synthetic.WHOLE,
        directions=("minimize",),
        sampler=sampler,
        pruner=pruner,
        seed=seed,
        trials=tuple(rows),
    )
    told = advice.on(Question(id="bench", study=study, ask=ask, prune=prune))
    if told.problem:
        raise SystemExit(told.problem)
    return told


def line(sampler: Sampler, pruner: Pruner, seeds: int, most: int) -> str:
    """One way, from all its seeds. A seed that never came near counts as without end."""
    began = time.monotonic()
    searches = [search(sampler, pruner, seed, most) for seed in range(seeds)]
    steps = sorted(math.inf if done.steps is None else done.steps for done in searches)
    low, high = (steps[round(share * (seeds - 1))] for share in (0.25, 0.75))
    trials, pruned = (statistics.median(counts) for counts in zip(*(done[1:] for done in searches), strict=True))
    never = sum(done.steps is None for done in searches)
    told = f"{sampler:8} {pruner:10} {statistics.median(steps):12.0f} {f'{low:.0f}-{high:.0f}':>14}"
    return f"{told} {trials:7.0f} {pruned:7.0f} {never:6} {time.monotonic() - began:8.0f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=200, help="the most of one sweep")
    parser.add_argument("--only", nargs="*", metavar="SAMPLER/PRUNER", help="such as tpe/median; without it, all")
    parser.add_argument("--pruned", type=int, metavar="N", help="measure how soon N pruned trials make room")
    arguments = parser.parse_args()
    if arguments.pruned:
        print(pruned_trials.lines(pruned_trials.measure(arguments.pruned)))
        return
    print(f"{arguments.seeds} seeds, at most {arguments.trials} trials of {synthetic.STEPS} steps")
    columns = f"{'median steps':>12} {'quartiles':>14} {'trials':>7} {'pruned':>7} {'never':>6} {'took':>10}"
    print(f"{'sampler':8} {'pruner':10} {columns}")
    for sampler, pruner in WAYS:
        if arguments.only and f"{sampler}/{pruner}" not in arguments.only:
            continue
        print(line(sampler, pruner, arguments.seeds, arguments.trials), flush=True)


if __name__ == "__main__":
    main()
