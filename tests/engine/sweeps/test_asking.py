"""The app asks and a real worker with the real Optuna answers, after a kill as well; it ends when told to."""

import pytest

from engine.process import plan, process, work
from engine.sweeps import asking, exchange
from engine.sweeps.spec import Range
from engine.sweeps.study import Advice, Question, Study, Trial
from storage.statuses import WorkStatus
from storage.tables import Work
from tests.waiting import wait_for

SWEEP = "a-sweep"


def question(question_id: str, count: int = 1) -> Question:
    space = {"learning_rate": Range(low=1e-5, high=1e-2, log=True)}
    done = Trial(
        number=0, state="complete", params={"learning_rate": 1e-3}, values=(float("nan"),), steps={5: float("nan")}
    )
    study = Study(space=space, directions=("minimize",), sampler="random", pruner="none", seed=1, trials=(done,))
    return Question(id=question_id, study=study, ask=count)


def advised(asked: Question) -> Advice | None:
    """What core does each second: look after all work, ask (again), read."""
    work.tick()
    asking.ask(SWEEP, asked)
    return asking.answer(SWEEP, asked.id)


def status(piece: Work) -> str:
    work.tick()
    return work.look_up(piece.id).status


def test_a_worker_killed_at_any_moment_is_replaced_and_says_the_same() -> None:
    first = wait_for(lambda: advised(question("one")), 60)
    assert first is not None
    assert not first.problem
    assert 1e-5 <= float(first.params[0]["learning_rate"] or 0) <= 1e-2
    worker = work.about(SWEEP, asking.KIND)[0]
    process.kill(work.folder(worker))
    again = wait_for(lambda: advised(question("two")), 60)
    assert again is not None
    assert again.params == first.params
    assert len(work.about(SWEEP, asking.KIND)) == 1  # another attempt of the same piece of work
    asking.end(SWEEP)
    wait_for(lambda: status(worker) == WorkStatus.STOPPED, 30)
    assert asking.answer(SWEEP, "two") == again  # what it said can still be read


def test_asking_again_puts_no_second_question() -> None:
    asking.ask(SWEEP, question("one"))
    asking.ask(SWEEP, question("one"))
    out = work.folder(work.about(SWEEP, asking.KIND)[0])
    assert len(list((out / exchange.QUESTIONS).iterdir())) + exchange.has_answered(out) >= 1
    assert len(work.about(SWEEP, asking.KIND)) == 1


def test_a_worker_that_cannot_work_is_a_problem_and_no_endless_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(plan.WORKERS, asking.KIND, "tests.broken_worker")
    told = wait_for(lambda: advised(question("one")), 60)
    assert told is not None
    assert "The library is not what it should be" in told.problem
    advised(question("one"))
    assert len(work.about(SWEEP, asking.KIND)) == 1
    asking.ask(SWEEP, question("another"))
    assert len(work.about(SWEEP, asking.KIND)) == 2
