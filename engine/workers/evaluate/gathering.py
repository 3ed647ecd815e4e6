"""Both sides asked, batch by batch: from what is kept, or by the model, which is loaded at the first need."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from engine.process import events
from engine.workers import contract
from engine.workers.evaluate import kept_answers, likelihood, sides, tokens_before, written
from engine.workers.evaluate.asking import Plan
from engine.workers.evaluate.kept_answers import Kept
from engine.workers.evaluate.likelihood import Likelihood, Text
from engine.workers.evaluate.tokens_before import Prompted
from engine.workers.evaluate.written import Answer, Asking
from engine.workers.serve.load import Voice

DTYPE = "bfloat16"  # as the studio's server computes: what is judged is what is served
SECONDS_BETWEEN_REPORTS = 0.5


@dataclass(frozen=True)
class Found:
    """What one side has said: an answer to each row and to each question of skill; how likely it finds the texts."""

    answers: list[Answer]
    likelihoods: list[list[Likelihood]]
    skills: list[Answer]
    plain: list[Likelihood]
    scores: list[tuple[float, float] | None]  # of the better and the worse answer, by a reward model


class Clock:
    """Tells how far the work is, and ends it when it is asked to."""

    def __init__(self, out: Path, total: int) -> None:
        self.out, self.total, self.done, self.stage = out, max(1, total), 0, ""
        self.before = ""  # what is said before each stage: how many rows, and how long at most
        self.written = 0
        self.writing_seconds = 0.0
        self._told = 0.0

    def step(self) -> None:
        """Raises Stopped when somebody wants the work to end."""
        if contract.stop_requested(self.out):
            raise contract.Stopped
        if time.monotonic() - self._told > SECONDS_BETWEEN_REPORTS:
            events.append(self.out, events.Progress(done=self.done, total=self.total, stage=self.before + self.stage))
            self._told = time.monotonic()

    def add(self, count: int) -> None:
        self.done += count
        self.step()


def gather(spec: Mapping[str, Any], plan: Plan, clock: Clock) -> dict[str, Found]:
    """What both sides have said, by name. Raises WorkFailedError, Stopped."""
    gathered: dict[str, Found] = {}
    settings = {"device": spec.get("device", "cpu"), "dtype": spec.get("dtype", DTYPE)}
    for names in sides.together(spec):
        with ExitStack() as stack:
            voice = _opener(stack, partial(sides.opened, spec, names, plan.words, settings))
            for name in names:
                gathered[name] = _Side(spec, name, plan, clock, voice).asked()
    return gathered


def total(plan: Plan, scored: bool) -> int:
    """How many answers are written and texts read, of both sides."""
    each = [
        len(one.rows) + len(one.skills) + len(one.plain) + sum(map(len, one.texts)) * (1 if not scored else 0)
        for one in plan.questions.values()
    ]
    return sum(each) + (2 * len(plan.rows) if scored else 0)


Sides = dict[str, Voice | Prompted]
Open = Callable[[str], Voice | Prompted]


def _opener(stack: ExitStack, opened: Callable[[], AbstractContextManager[Sides]]) -> Open:
    """Gives the voice of a side; loads it, and those that share its weights, at the first call."""
    loaded: list[Sides] = []

    def voice(name: str) -> Voice | Prompted:
        if not loaded:
            loaded.append(stack.enter_context(opened()))
        return loaded[0][name]

    return voice


class _Side:
    """One side while it is asked."""

    def __init__(self, spec: Mapping[str, Any], name: str, plan: Plan, clock: Clock, voice: Open) -> None:
        self.spec, self.side, self.name, self.plan, self.clock = spec, spec[name], name, plan, clock
        self._voice = voice
        adapter = Path(self.side["adapter_path"]) if self.side["adapter_path"] else None
        kind = (spec.get("device", "cpu").partition(":")[0], spec.get("dtype", DTYPE), self.side["head_seed"])
        self.kept = Kept(Path(spec["answers"]), kept_answers.of_model(Path(self.side["model_path"]), adapter, *kind))

    def asked(self) -> Found:
        questions = self.plan.questions[self.name]
        if self.side["scores"]:
            return Found([], [], [], [], self._scores())
        flat = [text for texts in questions.texts for text in texts]
        read = iter(self._read(flat, "measuring the loss of the expected answers"))
        return Found(
            self._write(questions.rows, "writing answers"),
            [[next(read) for _ in texts] for texts in questions.texts],
            self._write(questions.skills, "answering general-skill questions"),
            self._read(questions.plain, "measuring the loss of plain texts"),
            [],
        )

    def _stage(self, doing: str) -> None:
        self.clock.stage = f"{self.side['title']}: {doing}"

    def _write(self, asked: Sequence[Asking], doing: str) -> list[Answer]:
        self._stage(doing)
        answers: dict[int, Answer] = {}
        for numbers in written.batches([len(asking.prompt) for asking in asked]):
            batch = [asked[number] for number in numbers]
            key = [[asking.prompt, asking.most, asking.shows_special] for asking in batch]
            said = self.kept.get("answers", key, partial(self._answered, batch))
            answers.update(zip(numbers, (Answer(*one) for one in said), strict=True))
            self.clock.add(len(batch))
        return [answers[number] for number in range(len(asked))]

    def _answered(self, batch: Sequence[Asking]) -> list[list[Any]]:
        voice, tokenizer = self._voice(self.name), self.plan.words[self.name].tokenizer
        began = time.monotonic()
        if isinstance(voice, Prompted):
            said = tokens_before.answers(voice, batch, self.clock.step)
        else:
            said = written.answers(voice, tokenizer, batch, self.clock.step)
        self.clock.written += len(said)
        self.clock.writing_seconds += time.monotonic() - began
        return [[answer.text, answer.is_cut, answer.tokens] for answer in said]

    def _read(self, texts: Sequence[Text], doing: str) -> list[Likelihood]:
        self._stage(doing)
        likelihoods: dict[int, Likelihood] = {}
        for numbers in likelihood.batches(texts):
            batch = [texts[number] for number in numbers]
            values = self.kept.get("likelihoods", batch, partial(self._likelihoods, batch))
            likelihoods.update(zip(numbers, ((float(total), int(count)) for total, count in values), strict=True))
            self.clock.add(len(batch))
        return [likelihoods[number] for number in range(len(texts))]

    def _likelihoods(self, batch: Sequence[Text]) -> list[list[float]]:
        voice = self._voice(self.name)
        if isinstance(voice, Prompted):
            likelihoods = tokens_before.likelihoods(voice, batch, self.clock.step)
        else:
            likelihoods = likelihood.likelihoods(voice, batch, self.clock.step)
        return [list(one) for one in likelihoods]

    def _scores(self) -> list[tuple[float, float] | None]:
        from engine.workers.evaluate import scoring  # noqa: PLC0415  (TRL, which takes seconds to import)

        self._stage("scoring answers")
        pairs = [scoring.pair(row.values) for row in self.plan.rows]
        device, dtype = self.spec.get("device", "cpu"), self.spec.get("dtype", DTYPE)
        scores = self.kept.get(
            "scores", pairs, lambda: scoring.scores(self.side, pairs, (device, dtype), self.clock.step)
        )
        self.clock.add(len(pairs))
        return [None if one is None else (float(one[0]), float(one[1])) for one in scores]
