"""By taste: two trials' answers to the same prompts side by side, and a person picks the better ones.

Which trial is which is not shown before the pick, and the sides change, so that the answers alone are judged.
"""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from engine.errors import RefusedError
from engine.runs import samples
from engine.runs.samples import Sample
from engine.sweeps import sweeps, taste
from engine.sweeps.picture import Picture
from engine.sweeps.study import Trial
from pages.parts import html, toasts
from pages.sweeps import words
from pages.sweeps.address import Query

LONGEST_SHOWN = 4000  # characters of an answer
MOST_RANKED = 50


def show(picture: Picture, _query: Query) -> Markup:
    """The tab of answers: the next pair, and how the trials stand."""
    said = _answered(picture)
    numbers = [number for number, answers in said.items() if answers]
    pair = taste.next_pair(picture.picks, numbers)
    return html.join((_pair(picture, said, pair) if pair else _nothing(picture), _standing(picture, numbers)))


def _answered(picture: Picture) -> dict[int, list[Sample]]:
    """The newest answers of each finished trial of the search."""
    done = {
        trial.number: trial.run_id
        for trial in picture.trials
        if trial.phase == "search" and trial.state == "complete" and trial.run_id
    }
    newest = samples.last_of_each(done.values())
    return {number: newest[run_id] for number, run_id in done.items()}


def _nothing(picture: Picture) -> Markup:
    hint = "Each trial answers the fixed prompts of the project. Two trials with answers are needed."
    more = "" if picture.is_moving else " Go on with more."
    return html.notice("There are no two trials to compare yet.", hint + more, "calm")


def _pair(picture: Picture, said: Mapping[int, Sequence[Sample]], pair: tuple[int, int]) -> Markup:
    left, right = pair if len(picture.picks) % 2 == 0 else pair[::-1]
    prompts = list(dict.fromkeys(sample.prompt for number in (left, right) for sample in said[number]))
    lines = html.join(
        Markup('<li data-key="pair-{}-{}-{}"><b>{}</b><div class="rn-beside">{}{}</div></li>').format(
            left, right, place, prompt, _answer("A", said[left], prompt), _answer("B", said[right], prompt)
        )
        for place, prompt in enumerate(prompts)
    )
    note = "Two trials, A and B, without their settings, so that only the answers count. Pick as often as you like."
    return html.card(
        "Which answers are better?",
        Markup('<p class="ts-note">{}</p><ul class="rn-answers">{}</ul>{}').format(
            note, lines, _buttons(picture.id, left, right)
        ),
    )


def _answer(name: str, said: Sequence[Sample], prompt: str) -> Markup:
    sample = next((one for one in said if one.prompt == prompt), None)
    text = Markup("<i>Not asked.</i>") if sample is None else sample.answer[:LONGEST_SHOWN] or Markup("<i>Empty.</i>")
    return Markup('<div><span>{}</span><div class="rn-said">{}</div></div>').format(name, text)


def _buttons(sweep_id: str, left: int, right: int) -> Markup:
    return Markup('<div class="ts-actions sw-picks">{}{}{}</div>').format(
        html.button("A is better", "pick", f"{sweep_id}:{left}:{right}", tone="primary"),
        html.button("No difference", "alike", f"{sweep_id}:{left}:{right}"),
        html.button("B is better", "pick", f"{sweep_id}:{right}:{left}", tone="primary"),
    )


def _standing(picture: Picture, numbers: Sequence[int]) -> Markup:
    """How the trials that were compared stand by the picks so far."""
    if not picture.picks:
        return Markup()
    scores = taste.scores(picture.picks, numbers)
    sure = taste.intervals(picture.picks, scores)
    ranked = sorted(sure, key=lambda number: (-scores[number], number))[:MOST_RANKED]
    rows = [_line(picture, number, scores[number], sure[number]) for number in ranked]
    count = words.counted(len(picture.picks), "pick")
    note = f"{count}. The score is Bradley-Terry's: 0 is the middle, 1 more means winning 2.7 times as often."
    if without := len(scores) - len(sure):
        note += f" {words.counted(without, 'trial')} not compared yet."
    heads: list[str | html.Header] = [
        "Trial", html.Header("Score", "number"), html.Header("95 % interval", "number"), html.Header("Won", "number"),
        "Settings",
    ]  # fmt: skip
    return html.card("Ranking", Markup('<p class="ts-note">{}</p>').format(note), html.table(heads, rows, "Scores"))


def _line(picture: Picture, number: int, score: float, sure: tuple[float, float]) -> html.Row:
    wins, met = taste.won(picture.picks, number)
    trial: Trial | None = picture.trial(number)
    settings = words.settings(trial.params) if trial else html.DASH
    interval = f"{sure[0]:+.2f} to {sure[1]:+.2f}"
    return html.Row((str(number), f"{score:+.2f}", interval, f"{wins:g} of {met}", settings))


def pick(id: str, _values: Mapping[str, str], _project: str) -> None:
    """`id` is SWEEP:BETTER:WORSE."""
    _kept(id, alike=False)


def alike(id: str, _values: Mapping[str, str], _project: str) -> None:
    """The same, where neither was better."""
    _kept(id, alike=True)


def _kept(id: str, alike: bool) -> None:
    sweep_id, *numbers = id.split(":")
    if len(numbers) != 2 or not all(number.isdecimal() for number in numbers):
        raise RefusedError(f"{id!r:.80} is not a pair of trials.", "Reload the page.")
    better, worse = (int(number) for number in numbers)
    sweeps.pick(sweep_id, better, worse, alike)
    toasts.done(
        f"Kept: trials {better} and {worse} are alike." if alike else f"Kept: trial {better} over trial {worse}."
    )
