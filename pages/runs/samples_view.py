"""Answers of a run: the same prompts at every evaluation, on a timeline to slide over, with the words that changed."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from engine.errors import RefusedError
from engine.recipes import fixed_prompts
from engine.recipes.recipe import parse
from engine.rows import word_changes
from engine.rows.word_changes import Piece
from engine.runs import samples
from engine.runs.comparing import RunInShort
from engine.runs.samples import Sample, Timeline
from pages.data import row_diff
from pages.parts import html, tabs, toasts
from storage.statuses import RUN_MOVING
from storage.tables import Run

MARKED = {"first": "Against step 0", "before": "Against the step before", "none": "No marks"}
LONGEST_SHOWN = 4000  # characters of an answer


def show(run: Run, query: Mapping[str, str]) -> Markup:
    """The answers at the place that the query names, else the newest ones; then the prompts of the project."""
    timeline = samples.timeline(run.id, _place(query.get("place", "")))
    content = _answers(run, timeline, query) if timeline.places else _none_yet(run)
    return html.join((html.card("Answers to fixed prompts", content), _prompts_card(run)))


def change(project_id: str, values: Mapping[str, str]) -> None:
    """Gives the project the prompts of the form; empty fields are left out."""
    written = [values.get(f"prompt{number}", "") for number in range(1, fixed_prompts.MOST + 1)]
    kept = samples.set_prompts(project_id, [text for text in written if text.strip()])
    count = f"{len(kept)} prompts are asked" if kept else "Held-out rows are asked"
    toasts.done(f"{count} by every training that starts from now on.")


def _place(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _answers(run: Run, timeline: Timeline, query: Mapping[str, str]) -> Markup:
    marked = query.get("against", "")
    marked = marked if marked in MARKED else "first"
    against = {"first": timeline.first, "before": timeline.before}.get(marked, [])
    if timeline.place == 1:
        against = []
    entries = [_entry(sample, against, number) for number, sample in enumerate(timeline.here)]
    return html.join(
        (
            _where(run, timeline, query),
            _slider(run, timeline, query),
            tabs.strip("What is marked", [_mark_link(run, query, name, marked) for name in MARKED]),
            Markup('<ul class="rn-answers">{}</ul>').format(html.join(entries)),
            _cost(run),
        )
    )


def _address(run: Run, query: Mapping[str, str], **changes: str) -> str:
    names = {"run": run.id, "tab": "answers"}
    kept = {name: query[name] for name in ("place", "against") if query.get(name)}
    return "/runs?" + urlencode({name: value for name, value in (names | kept | changes).items() if value})


def _mark_link(run: Run, query: Mapping[str, str], name: str, current: str) -> tabs.Link:
    return tabs.Link(MARKED[name], _address(run, query, against=name), name == current)


def _where(run: Run, timeline: Timeline, query: Mapping[str, str]) -> Markup:
    """Which step is shown, and the ways to its neighbours."""
    before = html.link("Before", _address(run, query, place=str(timeline.place - 1)), soft=True)
    after = html.link("After", _address(run, query, place=str(timeline.place + 1)), soft=True)
    newest = html.link("Newest", _address(run, query, place=""), soft=True)
    is_last = timeline.place == timeline.places
    links = html.join(
        link
        for link, is_there in ((before, timeline.place > 1), (after, not is_last), (newest, bool(query.get("place"))))
        if is_there
    )
    words = Markup("<p>Step <b>{}</b> <small>{} of {}</small></p>").format(
        html.count(timeline.step), html.count(timeline.place), html.count(timeline.places)
    )
    return Markup('<div class="rn-where">{}<p class="rn-ways">{}</p></div>').format(words, links)


def _slider(run: Run, timeline: Timeline, query: Mapping[str, str]) -> Markup:
    """A range whose keys go from one evaluation to the next. Its form keeps its place while the page is refreshed."""
    if timeline.places < 2:
        return Markup()
    field = Markup(
        '<input type="range" name="place" min="1" max="{}" step="1" value="{}" aria-label="Evaluation"'
        ' aria-valuetext="Step {}">'
    ).format(timeline.places, timeline.place, timeline.step)
    form = Markup('<form data-query="change" data-key="slider-{}">{}</form>').format(run.id, field)
    return Markup('<div class="rn-slider"><span>Step {}</span>{}<span>Step {}</span></div>').format(
        html.count(timeline.first[0].step), form, html.count(timeline.last_step)
    )


def _entry(sample: Sample, against: Sequence[Sample], number: int) -> Markup:
    other = next((one for one in against if one.prompt == sample.prompt), None)
    text = Markup("{}").format(sample.answer[:LONGEST_SHOWN]) if other is None else _marked(other, sample)
    count = "1 token" if sample.tokens == 1 else f"{sample.tokens:,} tokens"
    words = f"{count}, cut here" if sample.is_cut else count
    return Markup('<li data-key="answer-{}"><b>{}</b><div class="rn-said">{}</div><small>{}</small></li>').format(
        number, sample.prompt, text or Markup("<i>An empty answer.</i>"), words
    )


def _marked(old: Sample, new: Sample) -> Markup:
    """What was struck out and put in. Where one of both was cut, what the other says beyond it is no change."""
    pieces = word_changes.compare(old.answer[:LONGEST_SHOWN], new.answer[:LONGEST_SHOWN])
    if pieces and pieces[-1].kind == "removed" and new.is_cut:
        pieces.pop()
    if pieces and pieces[-1].kind == "added" and old.is_cut and old.tokens < new.tokens:
        pieces[-1] = Piece("same", pieces[-1].text)
    return html.join(map(row_diff.piece_html, pieces))


def _cost(run: Run) -> Markup:
    """What the answers have cost, and what was left out for want of time."""
    cost: dict[str, Any] = run.facts.answering
    if not cost:
        return Markup()
    seconds, training = float(cost.get("seconds", 0)), float(cost.get("training_seconds", 0))
    share = f", {100 * seconds / training:.1f} % of the {html.duration(training)} of training" if training else ""
    said = str(cost.get("said") or "")
    return Markup('<p class="ts-note">Answering took {:.1f} s{} so far. {}</p>').format(seconds, share, said)


def _none_yet(run: Run) -> Markup:
    try:
        reason = fixed_prompts.why_not(parse(run.recipe))
    except RefusedError:  # written by a later studio
        reason = ""
    if reason:
        return html.notice("This training answers no prompts.", reason, "calm")
    if run.status in RUN_MOVING:
        hint = "The weights of step 0, of every evaluation and of the end answer the same prompts. This page shows how."
        return html.notice("The first answers come after the first loss point.", hint, "calm")
    return html.notice("This run has answered no prompts.", "Its notes on the overview may say why.", "calm")


def _prompts_card(run: Run) -> Markup:
    """The fixed prompts of the project, to change."""
    prompts = samples.prompts_of(run.project_id)
    fields = [
        Markup('<label>Prompt {}<textarea name="prompt{}" rows="2" maxlength="{}">{}</textarea></label>').format(
            number, number, fixed_prompts.LONGEST, prompts[number - 1] if number <= len(prompts) else ""
        )
        for number in range(1, fixed_prompts.MOST + 1)
    ]
    words = (
        f"Every training of this project answers these {len(prompts)} prompts."
        if prompts
        else f"This project has no prompts, so the questions of {fixed_prompts.FROM_ROWS} held-out rows are asked."
    )
    hint = (
        f"{words} Write {fixed_prompts.FEWEST} to {fixed_prompts.MOST}, or none. Trainings that have begun keep theirs."
    )
    return Markup(
        '<section class="ts-card"><details class="rn-fold"><summary>Change the prompts of this project</summary>'
        '<p class="ts-note">{}</p><form class="rn-prompts" data-act="prompts" data-id="{}">{}'
        '<button class="ts-button" data-tone="primary">Save prompts</button></form></details></section>'
    ).format(hint, run.project_id, html.join(fields))


def beside_html(runs: Sequence[RunInShort]) -> Markup:
    """The newest answers of several runs to the prompts that at least one of them was asked, side by side."""
    answers = samples.last_of_each([run.id for run in runs])
    prompts = list(dict.fromkeys(sample.prompt for run in runs for sample in answers[run.id]))[: fixed_prompts.MOST]
    if not prompts:
        return Markup()
    entries = [
        Markup('<li data-key="prompt-{}"><b>{}</b><div class="rn-beside">{}</div></li>').format(
            number,
            prompt,
            html.join(_of_run(run, colour, prompt, answers[run.id]) for colour, run in enumerate(runs, 1)),
        )
        for number, prompt in enumerate(prompts)
    ]
    return html.card("Answers to fixed prompts", Markup('<ul class="rn-answers">{}</ul>').format(html.join(entries)))


def _of_run(run: RunInShort, colour: int, prompt: str, said: Sequence[Sample]) -> Markup:
    sample = next((one for one in said if one.prompt == prompt), None)
    name = html.link(run.name, f"/runs?run={run.id}&tab=answers", soft=True)
    step = "" if sample is None else Markup("<small>step {}</small>").format(html.count(sample.step))
    text = Markup("<i>Not asked.</i>") if sample is None else sample.answer[:LONGEST_SHOWN] or Markup("<i>Empty.</i>")
    return Markup(
        '<div><span><i class="rn-swatch" style="background:var(--ts-series-{})"></i>{} {}</span>'
        '<div class="rn-said">{}</div></div>'
    ).format(colour, name, step, text)
