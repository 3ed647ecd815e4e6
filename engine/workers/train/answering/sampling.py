"""The fixed prompts answered at step 0 and at every evaluation by the very weights in training: a callback.

The first process alone writes answers; the others wait for it where they meet next. Nothing is answered before the
first loss point stands there: until then the answers of step 0 are only looked for among those that are kept by base
and prompts. Where they are not, the trained weights of the start were put aside, and answer when there is time, at the
latest at the first evaluation. A training without evaluations answers where there would be some.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from engine.process import events
from engine.recipes import fixed_prompts
from engine.recipes.evaluations import evaluated_every
from engine.workers import contract, ranks
from engine.workers.evaluate.kept_answers import Kept, of_model
from engine.workers.evaluate.written import Answer, Asking
from engine.workers.train.answering import questions, time_share, undisturbed
from engine.workers.train.answering.time_share import Amount, Speed
from engine.workers.train.answering.undisturbed import Weights
from engine.workers.train.answering.writing import Writer
from engine.workers.train.evaluation.pace import EvaluationPace
from engine.workers.train.spec import Spec
from engine.workers.trainers.fast_sft import without_adapter
from engine.workers.tuning.adapters import puts_tokens_before
from engine.workers.tuning.model import Base

PROBED_TOKENS = 3  # to learn how fast answers come, before it is decided how many tokens there is time for
PROBED_SECONDS = 2.0  # the most that takes
SHORT_SECONDS = 60.0  # the most that one short answer takes where there was no time for any
STEPS_BEFORE_PROBE = 5  # a look at the speed then takes well below a tenth of them
EAGER_SHARE = 0.5  # of what may be used: the rest is for the first evaluation
SAME_AS_BASE = ("default", "gaussian")  # starts of LoRA that change nothing yet


def callback(out: Path, spec: Spec, trainer: Any, base: Base, pace: EvaluationPace) -> "Sampling | None":
    """The callback, where this training answers prompts, in the process that does so."""
    if spec.samples is None or not ranks.first():
        return None
    if reason := fixed_prompts.why_not(spec.recipe):
        events.append(out, events.Note(message=f"The fixed prompts are not answered: {reason}"))
        return None
    return Sampling(out, spec, trainer, base, pace)


class Sampling(TrainerCallback):
    """Answers when it is time, and says what it cost. `pace` is told, so that no step counts as slow for it."""

    def __init__(
        self,
        out: Path,
        spec: Spec,
        trainer: Any,
        base: Base,
        pace: EvaluationPace,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.out, self.spec, self.trainer, self.base, self.pace, self.clock = out, spec, trainer, base, pace, clock
        self.began = clock()
        self.longest = time_share.longest_answer(spec.device)
        self.writer = Writer(trainer, base.tokenizer, lambda: contract.stop_requested(out))
        self.free = float((spec.samples or {}).get("free_seconds", 0.0))
        self.texts: list[str] = []
        self.asked: list[Asking] = []
        self.speed: Speed | None = None
        self.spent = 0.0
        self.every = 0  # steps, where nothing is evaluated
        self.last_step = -1  # that was answered
        self.start: Weights | None = None  # while step 0 is still to be answered
        self.answered = set[int]()  # steps
        self.has_point = self.is_due = self.has_answered = False
        self.since: float | None = None  # when the answers began that are being written
        self.said, self.told = "", set[str]()

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        named = (self.spec.samples or {}).get("prompts") or []
        prompts = questions.of_run(self.spec, named, self.out)
        asked = questions.asked(prompts, self.spec, self.base, self.longest)
        self.texts, self.asked = [prompts[place].text for place in asked], list(asked.values())
        if len(asked) < len(prompts) or not prompts:
            self._note(_left_out(len(prompts), len(asked)))
        if self.trainer.eval_dataset is None:
            self.every = evaluated_every(state.max_steps)
        if self.asked and state.global_step == 0:
            self._begin()

    def _begin(self) -> None:
        """Step 0: as it is known of this base, or the weights that can answer later."""
        kept, key = self._kept(), self._key(self.asked)
        if kept is not None and kept.has("samples", key):
            self._tell(0, [Answer(*one) for one in kept.get("samples", key, list)])
            return
        self.start = undisturbed.trained_weights(self.trainer.model)
        if self.start is None:
            self._note("Step 0 has no answers: all weights are trained, and there are too many to keep a copy.")

    def on_log(self, *_: Any, logs: dict[str, Any] | None = None, **__: Any) -> None:
        self.has_point = self.has_point or "loss" in (logs or {})

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self.is_due = bool(self.every) and state.global_step % self.every == 0

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if self.is_due and state.global_step > 0:
            self.is_due = False
            self._answer(state.global_step)
        elif self.start is not None and self.has_point and state.global_step >= STEPS_BEFORE_PROBE:
            self._answer_start_early()

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._answer(state.global_step)

    def finish(self, step: int) -> None:
        """Answers at the end of the training, unless the last evaluation was there.

        The first and the last weights have answered in any case, if only shortly: that is said.
        """
        if step > 0:
            self._answer(step, is_end=True)
        if contract.stop_requested(self.out):
            return
        if self.start is not None:
            self._guarded(lambda: self._write_shortly(0, self.start))
        if step > 0 and step not in self.answered:
            self._guarded(lambda: self._write_shortly(step))

    def _write_shortly(self, step: int, weights: Weights | None = None) -> None:
        written = self.writer.write(_shortened(self.asked[:1], time_share.FEWEST_TOKENS), SHORT_SECONDS, weights)
        if written.answers:
            self._remark(time_share.SHORTLY)
            self._tell(step, written.answers)

    def _answer_start_early(self) -> None:
        """Step 0 as soon as whole answers of it fit into what may be used."""
        self._probe()
        left = EAGER_SHARE * self._left()
        if self.speed and self.speed.seconds(len(self.asked), self.longest) <= left:
            self._guarded(lambda: self._answer_start(left))

    def _answer(self, step: int, is_end: bool = False) -> None:
        if not self.asked or step == self.last_step or contract.stop_requested(self.out):
            return
        self.last_step = step
        self._probe()
        self.has_answered = False
        for share in (0.5, 1.0):  # step 0 comes first: all others are held against it
            if self.start is not None:
                self._guarded(partial(self._answer_start, share * self._left(is_end)))
        if self.asked:
            self._guarded(lambda: self._write(step, self._left(is_end)))
        if not self.has_answered:
            self.speed = None  # it may have been a slow moment: the next evaluation looks again

    def _answer_start(self, seconds: float) -> None:
        answers = self._write(0, seconds, self.start)
        self.start = None if answers else self.start  # else again at the next evaluation
        whole = len(answers) == len(self.asked) and all(not one.is_cut or one.tokens >= self.longest for one in answers)
        if whole and (kept := self._kept()) is not None:
            values = [[one.text, one.is_cut, one.tokens] for one in answers]
            kept.get("samples", self._key(self.asked), lambda: values)

    def _probe(self) -> None:
        """Learns how fast answers come, where that is not known, or was too slow for any."""
        if self.speed is None and self._left() > 0:
            self._guarded(self._try)

    def _try(self) -> None:
        self.speed = self.writer.write(_shortened(self.asked[:1], PROBED_TOKENS), PROBED_SECONDS).speed

    def _write(self, step: int, seconds: float, weights: Weights | None = None) -> list[Answer]:
        amount = Amount(0, 0)
        if self.speed is not None:
            amount = time_share.fitting(len(self.asked), self.longest, seconds, self.speed)
        answers: list[Answer] = []
        if amount.prompts:
            written = self.writer.write(_shortened(self.asked[: amount.prompts], amount.tokens), seconds, weights)
            self.speed, answers = written.speed, written.answers
            if written.out_of_time:
                amount = Amount(amount.prompts, min(amount.tokens, max(one.tokens for one in answers)))
        if answers or step > 0:
            self._remark(time_share.in_words(amount, len(self.asked), self.longest))
        if answers:
            self.has_answered = True
            self._tell(step, answers)
        return answers

    def _guarded(self, work: Callable[[], object]) -> None:
        """Counts the time. Answers that fail end no training: they are given up, with a note."""
        if not self.asked:
            return
        self.since = began = self.clock()
        try:
            work()
        except RuntimeError as error:  # of torch: memory, above all
            self.asked, self.start = [], None
            self._note(f"The fixed prompts are not answered any more: {str(error)[:300]}")
        seconds = self.clock() - began
        self.spent, self.since = self.spent + seconds, None
        self.pace.leave_out(seconds)

    def _left(self, is_end: bool = False) -> float:
        return time_share.seconds_left(self.clock() - self.began - self.spent, self.spent, self.free, is_end)

    def _remark(self, words: str) -> None:
        self.said = words or self.said
        if words and words not in self.told:
            self.told.add(words)
            self._note(words)

    def _note(self, message: str) -> None:
        events.append(self.out, events.Note(message=message))

    def _tell(self, step: int, answers: Sequence[Answer]) -> None:
        self.answered.add(step)
        told = [
            events.FixedAnswer(prompt=text, answer=one.text, tokens=one.tokens, is_cut=one.is_cut)
            for text, one in zip(self.texts, answers, strict=False)  # the first of them where time was short
        ]
        spent = self.spent + (0.0 if self.since is None else self.clock() - self.since)
        training = max(self.clock() - self.began - spent, 1e-9)
        cost = {"seconds": spent, "training_seconds": training, "said": self.said}
        events.append(self.out, events.Answered(step=step, answers=told, cost=cost))

    def _kept(self) -> Kept | None:
        """Answers of this base that are kept, where the training begins with what the base answers."""
        folder, recipe, model = (self.spec.samples or {}).get("answers"), self.spec.recipe, self.trainer.model
        is_base = not (puts_tokens_before(model) or self.base.new_tokens)
        if not folder or not is_base or recipe.init_lora_weights not in SAME_AS_BASE:
            return None
        network = without_adapter(model)
        settings = [self.trainer.accelerator.device.type, network.dtype, self.base.bf16, recipe.tuning == "qlora"]
        name = of_model(self.spec.model_path, self.spec.adapter_path, "in training", *settings, recipe.quantization)
        return Kept(Path(folder), name)

    @staticmethod
    def _key(asked: Sequence[Asking]) -> list[Any]:
        return [[asking.prompt, asking.most, asking.shows_special] for asking in asked]


def _shortened(asked: Sequence[Asking], most: int) -> list[Asking]:
    return [Asking(asking.prompt, min(most, asking.most), asking.shows_special) for asking in asked]


def _left_out(prompts: int, asked: int) -> str:
    if not prompts:
        return (
            "The project has no fixed prompts and no held-out row asks anything, so nothing is asked while it trains."
        )
    count = prompts - asked
    return f"{count} fixed prompt{'s are' if count > 1 else ' is'} too long for this model, or its template refuses it."
