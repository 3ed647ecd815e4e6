"""What a sweep does next, from what is known of it. Pure: rows in, one step out.

search ──▶ finish: the best in full, the best with other seeds ──▶ over
   ▲ more, resume
extra: what a person asked for: in full, failed ones again, a run resumed by hand ──▶ over, or stopped as it was
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.sweeps import noise, trial_recipes
from engine.sweeps.spec import TASTE, SweepSpec
from engine.sweeps.study import Trial, best
from storage.sweeps.trials import New

Stage = Literal["search", "finish", "extra"]
ENDED_WITH_SWEEP = "The sweep was stopped."
MOST_REFUSED = 30  # in a row, before a search says that it does not get anywhere


@dataclass(frozen=True)
class Standing:
    """How a sweep stands. `seconds` is how long it has run, `since` when it was started or resumed."""

    spec: SweepSpec
    trials: tuple[Trial, ...]
    stage: Stage = "search"
    goal: int | None = None
    is_lifted: bool = False
    seconds: float = 0.0
    since: float = 0.0
    reason: str = ""  # why its search was over; empty where it never was
    slots: int = 1  # trials side by side, as devices allow

    @property
    def running(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.state == "running"]

    @property
    def searched(self) -> list[Trial]:
        return [trial for trial in self.trials if trial.phase == "search"]

    @property
    def counted(self) -> list[Trial]:
        """Trials of the search that use up the budget: those that were refused cost nothing."""
        return [trial for trial in self.searched if trial.state != "refused"]

    @property
    def free(self) -> int:
        return max(0, self.slots - len(self.running))

    @property
    def is_compared(self) -> bool:
        """Whether one number says which trial is better, measured as it trains."""
        return len(self.spec.objectives) == 1 and self.spec.objectives[0].metric != TASTE


@dataclass(frozen=True)
class Step:
    """What to do: ask for so many new settings, begin these trials, go to another stage, or end."""

    ask: int = 0
    begin: tuple[New, ...] = ()
    stage: Stage | None = None
    end: Literal["", "succeeded", "stopped", "failed"] = ""
    reason: str = ""  # why the search is over
    error: str = ""
    hint: str = ""


WAIT = Step()


def after(standing: Standing) -> Step:
    """The next step."""
    if failed := repeated_failure(standing):
        return failed
    match standing.stage:
        case "search":
            return _search(standing)
        case "finish":
            return _finish(standing)
        case "extra":
            return WAIT if standing.running else Step(end="succeeded" if standing.reason else "stopped")


def _search(standing: Standing) -> Step:
    reason = search_is_over(standing)
    if not reason:
        return _try_more(standing)
    if standing.running:  # the last ones may be the best
        return WAIT
    if not any(trial.state == "complete" for trial in standing.searched):
        last = next((trial.reason for trial in reversed(standing.searched) if trial.reason), "")
        return Step(end="failed", reason=reason, error=f"No trial has finished. {last}".strip(), hint=_LOOK)
    return Step(stage="finish", reason=reason)


_LOOK = "The table of trials says why each one ended. Change the space or the budget, then start again."


def _try_more(standing: Standing) -> Step:
    if not standing.free:
        return WAIT
    if not standing.searched and standing.spec.sampler != "grid":
        own = trial_recipes.own_settings(standing.spec)
        if own is not None:
            return Step(begin=(New(own),))
    if early := _repeats_for_patience(standing):
        return Step(begin=early[: standing.free])
    if refused := _only_refused(standing):
        return refused
    return Step(ask=min(standing.free, room(standing)))


def room(standing: Standing) -> int:
    """How many further trials the goal allows."""
    return standing.slots if standing.goal is None else max(0, standing.goal - len(standing.counted))


def search_is_over(standing: Standing) -> str:
    """Why no new settings are tried; empty while the budget allows some and they pay."""
    spec, budget = standing.spec, standing.spec.budget
    if not standing.is_lifted:
        if budget.seconds is not None and standing.seconds >= budget.seconds:
            return f"The {budget.seconds:,.0f} seconds are used up."
        if budget.tokens is not None and _tokens(standing) >= budget.tokens:
            return f"The {budget.tokens:,} tokens are used up."
        direction = spec.objectives[0].direction
        if standing.is_compared and not noise.pays(standing.trials, direction, spec.patience):
            return f"No gain: the last {spec.patience} trials did no better than those before them."
    if standing.goal is not None and len(standing.counted) >= standing.goal:
        return f"All {standing.goal} trials were made." if standing.goal > 1 else "The one trial was made."
    return ""


def _tokens(standing: Standing) -> int:
    return sum(trial.tokens or 0 for trial in standing.trials if trial.phase != "warm")


def _repeats_for_patience(standing: Standing) -> tuple[New, ...]:
    """To judge whether it pays one has to know what chance does: the best so far is repeated before that."""
    spec = standing.spec
    if not (spec.patience and spec.repeats and standing.is_compared):
        return ()
    if any(trial.phase == "repeat" for trial in standing.trials):
        return ()
    judged = [trial for trial in standing.searched if trial.state in ("complete", "pruned")]
    return _repeats(standing) if len(judged) >= spec.patience else ()


def _only_refused(standing: Standing) -> Step | None:
    last = standing.searched[-MOST_REFUSED:]
    if standing.spec.sampler == "grid" or len(last) < MOST_REFUSED or any(one.state != "refused" for one in last):
        return None
    if standing.running:
        return WAIT
    error = f"The last {MOST_REFUSED} combinations were refused. The last reason: {last[-1].reason}"
    return Step(end="failed", error=error, hint="Narrow the space to settings that go together.")


def _finish(standing: Standing) -> Step:
    missing = (*_in_full(standing), *(_repeats(standing) if standing.is_compared else ()))
    if missing and standing.free:
        return Step(begin=missing[: standing.free])
    return WAIT if missing or standing.running else Step(end="succeeded")


def _in_full(standing: Standing) -> tuple[New, ...]:
    """After a search by a cheaper training: the best few in full, those that there are not yet."""
    if standing.spec.proxy is None:
        return ()
    done = {trial.of for trial in standing.trials if trial.phase == "full"}
    chosen = leading(standing)[: standing.spec.proxy.full]
    return tuple(New(trial.params, "full", trial.number) for trial in chosen if trial.number not in done)


def _repeats(standing: Standing) -> tuple[New, ...]:
    first = best(standing.trials, standing.spec.objectives[0].direction)
    if first is None:
        return ()
    done = sum(trial.phase == "repeat" and trial.of == first.number for trial in standing.trials)
    return tuple(
        New(first.params, "repeat", first.number, trial_recipes.other_seed(standing.spec, first.params, nth))
        for nth in range(done + 1, standing.spec.repeats + 1)
    )


def leading(standing: Standing) -> list[Trial]:
    """The finished trials of the search, the best first; with several objectives those that none beats come first."""
    signs = [1 if objective.direction == "minimize" else -1 for objective in standing.spec.objectives]
    done = [trial for trial in standing.searched if trial.state == "complete" and trial.values]

    def turned(trial: Trial) -> list[float]:
        return [sign * value for sign, value in zip(signs, trial.values or (), strict=True)]

    def is_beaten(trial: Trial) -> bool:
        own = turned(trial)
        return any(
            other != own and all(theirs <= mine for theirs, mine in zip(other, own, strict=True))
            for other in map(turned, done)
        )

    return sorted(done, key=lambda trial: (len(signs) > 1 and is_beaten(trial), turned(trial)[0], trial.number))


def repeated_failure(standing: Standing) -> Step | None:
    """The end, when so many trials in a row have failed for the same reason since the sweep was started or resumed."""
    ended = [
        trial
        for trial in standing.trials
        if trial.state not in ("running", "refused")
        and trial.phase != "warm"
        and trial.reason != ENDED_WITH_SWEEP
        and (trial.ended_at or 0.0) >= standing.since
    ]
    last = sorted(ended, key=lambda trial: trial.ended_at or 0.0)[-standing.spec.failures :]
    if len(last) < standing.spec.failures or any(trial.state != "failed" for trial in last):
        return None
    if len({_kind(trial.reason) for trial in last}) > 1:
        return None
    count = len(last)
    words = f"{count} trials in a row have failed for the same reason" if count > 1 else "A trial has failed"
    hint = "Fix the cause, then resume the sweep; `rerun failed` tries the failed trials again."
    return Step(end="failed", error=f"{words}: {last[-1].reason}", hint=hint)


def _kind(reason: str) -> str:
    """Two failures are alike when they differ in numbers alone, such as the step."""
    return re.sub(r"\d+(?:[.,]\d+)*", "N", reason)


def named(trials: Sequence[Trial], numbers: Sequence[int]) -> list[Trial]:
    """The trials with those numbers, in the order of the numbers; unknown ones are left out."""
    by_number = {trial.number: trial for trial in trials}
    return [by_number[number] for number in dict.fromkeys(numbers) if number in by_number]
