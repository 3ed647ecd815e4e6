"""Candidates ranked by real runs in the sandbox, tests that run there, and code that is fixed in rounds."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from engine.code import answering, candidates, fixing, running, sandboxed
from engine.code.answering import Extent, Ranking
from engine.code.candidates import Unwritten, Written
from engine.code.fixing import Round
from engine.code.running import Ran
from engine.code.wanted import Wanted
from engine.code.writing import Piece
from engine.errors import RefusedError
from engine.sandbox import sandbox
from engine.sandbox.limits import Result
from tests import fake_coder
from tests.coding import NAME, needs_sandbox
from tests.coding import coder as coder
from tests.coding import coder_address as coder_address

pytestmark = needs_sandbox

TESTS = {"test_main.py": fake_coder.TESTS}


def asked(task: str = "double", **facts: object) -> Wanted:
    return replace(Wanted(task, "python", {}, NAME), **facts)  # type: ignore[arg-type]


def printed(text: str) -> Ran:
    """A run that printed something."""
    return Result(text, "", 0, 0.1, 1, False, "a test", False)


MIXED = """
import unittest
from main import double

class Cases(unittest.TestCase):
    def setUp(self): self.two = 2
    def test_right(self): self.assertEqual(double(self.two), 4)
    def test_wrong(self): self.assertEqual(double(self.two), 5)

class TestPlain:
    def test_ends(self): raise SystemExit(3)
    def helper(self): raise ValueError

def test_prints():
    print("x" * 300_000)

def test_wants(fixture): pass
"""


def test_tests_of_every_kind_are_run_and_told() -> None:
    outcome = running.run({"main.py": fake_coder.DOUBLE}, sandboxed.run, {"test_main.py": MIXED})
    told = {test.name.removeprefix("test_main.py: "): test.error for test in outcome.tests}
    assert [name for name, error in told.items() if not error] == ["Cases.test_right", "test_prints"]
    assert told["Cases.test_wrong"].endswith("AssertionError: 4 != 5")
    assert 'File "test_main.py", line 8' in told["Cases.test_wrong"]
    assert "_run_tests" not in "".join(told.values())
    assert told["TestPlain.test_ends"].endswith("SystemExit: 3")
    assert "fixture" in told["test_wants"]
    assert (outcome.works, outcome.passed, len(outcome.tests)) == (False, 2, 5)
    assert "Cases.test_wrong failed" in outcome.words
    assert running.run({"main.py": fake_coder.DOUBLE}, sandboxed.run, TESTS).works


def test_code_that_ends_the_program_or_prints_a_report_of_its_own_passes_no_test() -> None:
    for cheat in ("import os\nos._exit(0)\n", "print('report-0 []')\nimport os\nos._exit(0)\n", "1 / 0\n"):
        outcome = running.run({"main.py": cheat}, sandboxed.run, TESTS)
        assert not outcome.works
        assert outcome.words
    forged = running._run_tests({}, [], lambda files, entry, stdin: printed("\nreport-1 [{}]\n"))
    assert (forged.works, forged.tests) == (False, [])


def test_a_run_that_does_not_end_and_one_that_fails_say_so() -> None:
    def slow(files: Mapping[str, str], entry: str, stdin: str) -> Ran:
        return sandbox.run(files, stdin, limits=sandbox.Limits(wall_seconds=0.5), entry=entry)

    outcome = running.run({"main.py": "while True: pass\n"}, slow)
    assert (outcome.works, outcome.timed_out) == (False, True)
    assert "did not end within" in outcome.words
    failed = running.run({"app.py": "import sys\nsys.exit(4)\n"}, sandboxed.run)
    assert (failed.works, failed.words) == (False, "It ended with exit code 4.")
    assert running.run({"app.py": "print(input())\n"}, sandboxed.run, stdin="hello\n").stdout == "hello\n"


def test_candidates_have_seeds_of_their_own_and_are_ranked_by_their_tests(coder: str) -> None:
    question = asked(seed=1)
    events = list(candidates.write(question, 3))
    pieces = [event for event in events if isinstance(event, Piece)]
    assert {piece.candidate for piece in pieces} == {0, 1, 2}
    answers = sorted((event for event in events if isinstance(event, Written)), key=lambda one: one.candidate)
    assert [one.files["main.py"] for one in answers] == [fake_coder.WRONG, fake_coder.DOUBLE, fake_coder.WRONG]
    ranked = candidates.rank(question, answers, sandboxed.run, TESTS)
    assert [(one.place, one.candidate, one.outcome.passed, one.same_as) for one in ranked] == [
        (1, 1, 1, None),
        (2, 0, 0, None),
        (3, 2, 0, 0),
    ]
    heats = [variant.temperature for variant in candidates.variants(asked(temperature=1.5), 3)]
    assert heats == [1.5, 1.5, 1.5]
    assert len({variant.seed for variant in candidates.variants(asked(), 8)}) == 8
    assert candidates.variants(asked(), 1) == [asked()]


def test_the_exception_is_fed_back_until_the_code_works(coder: str) -> None:
    question = asked("mean", files={"main.py": fake_coder.MEAN})
    events = list(fixing.rounds(question, sandboxed.run, 3))
    rounds = [event for event in events if isinstance(event, Round)]
    assert [(told.number, told.outcome.works) for told in rounds] == [(0, False), (1, True)]
    assert "ZeroDivisionError" in rounds[0].outcome.words
    assert rounds[1].files == {"main.py": fake_coder.MENDED}
    assert rounds[1].outcome.stdout == "2.0\n0.0\n"
    assert {event.round for event in events if isinstance(event, Piece)} == {1}


def test_it_gives_up_after_so_many_rounds_and_not_before(coder: str) -> None:
    question = asked("hopeless", files={"main.py": "raise ValueError('first')\n"})
    rounds = [event for event in fixing.rounds(question, sandboxed.run, 3) if isinstance(event, Round)]
    assert [told.number for told in rounds] == [0, 1, 2, 3]
    assert not rounds[-1].outcome.works


def test_a_round_that_changes_nothing_is_told_and_asked_again_more_boldly(coder: str) -> None:
    question = asked("nothing", files={"main.py": "1 / 0  # nothing\n"}, action="fix", seed=5)
    rounds = [event for event in fixing.rounds(replace(question, error="x"), failing, 2) if isinstance(event, Round)]
    assert [told.note for told in rounds] == ["", "The model changed nothing.", "The model changed nothing."]
    assert fixing._bolder(question, 2) == replace(question, seed=7, temperature=0.5)


def failing(files: Mapping[str, str], entry: str, stdin: str) -> Ran:
    return Result("", "it fails", 1, 0.1, 1, False, "a test", False)


def test_the_model_cannot_change_the_tests(coder: str) -> None:
    mean = {"test_main.py": "from main import mean\n\nassert mean([]) == 0.0\n"}
    question = asked("mean", files={"main.py": fake_coder.MEAN, "test_main.py": "assert False\n"})
    rounds = [event for event in fixing.rounds(question, sandboxed.run, 2, mean) if isinstance(event, Round)]
    assert rounds[-1].outcome.works
    assert rounds[-1].files["test_main.py"] == mean["test_main.py"]


def test_a_question_is_answered_from_start_to_end(coder: str) -> None:
    events = list(answering.answer(asked("mean"), Extent(candidates=2, rounds=2), sandboxed.run))
    kinds = [type(event) for event in events if not isinstance(event, Piece)]
    assert kinds == [Written, Written, Ranking, Round, Round]
    assert isinstance(events[-1], Round)
    assert events[-1].outcome.works


def test_where_nothing_holds_code_back_the_answers_are_told_and_none_runs(coder: str) -> None:
    def none(files: Mapping[str, str], entry: str, stdin: str) -> Ran:
        raise sandbox.NoSandboxError("Code is not run on this machine.", "")

    *_, ranking = answering.answer(asked(), Extent(run=True), none)
    assert isinstance(ranking, Ranking)
    assert ranking.ranked == []
    assert isinstance(ranking.problem, sandbox.NoSandboxError)


def test_tests_that_were_asked_for_are_run_against_the_code(coder: str) -> None:
    question = asked("", action="test", files={"main.py": fake_coder.DOUBLE})
    *_, ranking = answering.answer(question, Extent(run=True), sandboxed.run)
    assert isinstance(ranking, Ranking)
    assert [test.name for test in ranking.ranked[0].outcome.tests] == ["test_main.py: test_double"]
    assert ranking.ranked[0].outcome.works


def test_one_candidate_that_breaks_off_leaves_the_others_and_all_of_them_an_error(coder: str) -> None:
    events = candidates.write(asked("torn"), 2)
    assert [event.candidate for event in events if isinstance(event, Unwritten)] in ([0, 1], [1, 0])
    with pytest.raises(Exception, match="broke off"):
        list(answering.answer(asked("torn"), Extent(candidates=2), sandboxed.run))


@pytest.mark.parametrize(
    ("facts", "extent", "words"),
    [
        ({}, Extent(candidates=9), "`candidates` is 9"),
        ({}, Extent(rounds=11), "`rounds` is 11"),
        ({"language": "go"}, Extent(run=True), "Go does not run here"),
        ({"action": "explain", "files": {"a.py": "x"}}, Extent(run=True), "writes no code"),
        ({"action": "test", "files": {"a.py": "x"}}, Extent(rounds=1), "not fixed in rounds"),
        ({}, Extent(tests={"a.txt": "x"}), "ends in .py"),
        ({}, Extent(tests={"../a.py": "x"}), "cannot be the name"),
    ],
)
def test_an_extent_that_cannot_be_is_refused(facts: dict[str, object], extent: Extent, words: str) -> None:
    with pytest.raises(RefusedError, match=words):
        next(answering.answer(asked(**facts), extent, sandboxed.run))  # type: ignore[arg-type]
