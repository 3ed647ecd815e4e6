"""The first lesson, from the button to the chat."""

import time
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlencode

from markupsafe import Markup

from engine.lesson import addition_rows, lesson, plain_rows
from pages.parts import chart, html
from pages.parts.icons import icon
from pages.runs.state import progress_bar, step_words
from storage import db, endpoints, models, runs
from storage.tables import Endpoint, Lesson, Model, Run

# No times here: how long a step takes is known once some were measured, on this machine, as busy as it is.
STAGE_WORDS = {
    "fetching": ("Fetch the starter model", "SmolLM2 135M, 93 MB, once"),
    "importing": ("Make the data", "sums and plain questions"),
    "training": ("Train", f"{lesson.STEPS} short steps"),
    "serving": ("Start the tuned model", "with the base beside it"),
    "ready": ("Talk to it", "beside the untuned one"),
}


@dataclass(frozen=True)
class Scene:
    """What a lesson has made so far."""

    lesson: Lesson
    model: Model | None = None
    run: Run | None = None
    endpoint: Endpoint | None = None


def scene(lesson: Lesson) -> Scene:
    with db.reading() as session:
        return Scene(
            lesson,
            models.get(session, lesson.model_id) if lesson.model_id else None,
            runs.get(session, lesson.run_id) if lesson.run_id else None,
            endpoints.get(session, lesson.endpoint_id) if lesson.endpoint_id else None,
        )


@lru_cache(maxsize=1)
def invitation_html() -> Markup:
    """The empty home: one button, and what it will do."""
    steps = html.join(_step(number, name, "later", note) for number, (name, note) in enumerate(STAGE_WORDS.values(), 1))
    return Markup(
        '<section class="ts-hero" data-key="invitation"><div><h2>Tune your first model</h2>'
        "<p>The studio fetches a small language model, teaches it to add two numbers, and opens a chat where you ask"
        " the tuned and the untuned model the same question. Everything runs on this machine: one to two minutes on two"
        " idle cores, longer on a busy machine.</p>{}"
        '<p class="ts-aside">Have data of your own? {} it, then {}.</p></div><ol class="ts-steps">{}</ol></section>'
    ).format(
        _large_button("Run the first lesson"),
        html.link("Import", "/data"),
        html.link("set up a training", "/train"),
        steps,
    )


def _large_button(label: str) -> Markup:
    return Markup(
        '<button type="button" class="ts-button ts-large" data-tone="primary" data-act="lesson">{}</button>'
    ).format(label)


def progress_html(scene: Scene) -> Markup:
    """The lesson on its way: what is done, what goes on now, with the loss as it falls."""
    failed = scene.lesson.stage == "failed"
    current = _failed_at(scene) if failed else scene.lesson.stage
    order = list(STAGE_WORDS)
    steps = [
        _step(
            number,
            STAGE_WORDS[name][0],
            _state(order.index(name), order.index(current), failed, scene.lesson.stage),
            _note(name, scene)
            if name == current
            else STAGE_WORDS[name][1]
            if order.index(name) > order.index(current)
            else "",
            _more(name, scene) if name == current else "",
        )
        for number, name in enumerate(order, 1)
    ]
    return Markup(
        '<section class="ts-card ts-lesson" data-key="lesson"><header><h2>First lesson</h2>{}</header>'
        '<ol class="ts-steps">{}</ol></section>'
    ).format(_aside(scene), html.join(steps))


def _state(index: int, current: int, failed: bool, stage: str) -> str:
    if index < current or stage == "ready":
        return "done"
    if index > current:
        return "later"
    return "failed" if failed else "now"


def _failed_at(scene: Scene) -> str:
    lesson = scene.lesson
    if lesson.endpoint_id:
        return "serving"
    return "training" if lesson.run_id else "importing" if lesson.dataset_id else "fetching"


def _step(number: int, name: str, state: str, note: str = "", more: Markup | str = "") -> Markup:
    dot = icon("check") if state == "done" else "!" if state == "failed" else number
    details = Markup('<div class="ts-more">{}</div>').format(more) if more else ""
    return Markup('<li data-state="{}"><span class="ts-dot">{}</span><span>{}</span><small>{}</small>{}</li>').format(
        state, dot, name, note, details
    )


def _note(stage: str, scene: Scene) -> str:
    if scene.lesson.stage == "failed" or stage == "ready":
        return ""
    if stage == "fetching" and scene.model:
        share = f" {scene.model.progress:.0%}" if scene.model.progress is not None else ""
        return f"{scene.model.stage or 'waiting'}{share}"
    if stage == "training" and scene.run:
        return _training_words(scene.run) if scene.run.step else "starting"
    return "now"


def _training_words(run: Run) -> str:
    """How far it is, and what its own steps say is left; before they say anything, what has passed."""
    left = f"{html.remaining(run.eta_seconds)} left" if run.eta_seconds is not None else ""
    return f"{step_words(run)} · {left or html.duration(run.seconds) + ' so far'}"


def _more(stage: str, scene: Scene) -> Markup:
    if scene.lesson.stage == "failed":
        is_stopped = scene.lesson.error == lesson.STOPPED
        trouble = html.notice("The lesson stopped here.", scene.lesson.error or "", "calm" if is_stopped else "bad")
        retry = html.button("Try again", "lesson", tone="primary")
        return Markup('<div class="ts-stack">{}<div class="ts-actions">{}</div></div>').format(trouble, retry)
    if stage == "fetching":
        return html.progress(scene.model.progress if scene.model else None, "Fetching the model")
    if stage == "training" and scene.run:
        loss = chart.element("Loss", [("loss", "training")], scene.run.id, 170, plain=True)
        return Markup('<div class="ts-stack">{}{}</div>').format(progress_bar(scene.run), loss)
    if stage == "ready":
        hint = Markup(
            '<p class="ts-hint">Ask both models: {} Only the tuned one was taught sums. Then: {} It should not have'
            " forgotten what it knew. Neither question was in its data.</p>"
        ).format(addition_rows.proof_question(), plain_rows.QUESTION)
        see_run = html.link_button("See the run", f"/runs?run={scene.lesson.run_id}")
        return Markup('{}<div class="ts-actions">{}{}</div>').format(hint, _chat_link(scene), see_run)
    return html.progress(None, STAGE_WORDS[stage][0])


def _chat_link(scene: Scene) -> Markup:
    questions = {"ask": addition_rows.proof_question(), "then": plain_rows.QUESTION}
    query = questions | ({"endpoint": scene.endpoint.name} if scene.endpoint else {})
    href = f"/chat?{urlencode(query)}"
    return html.link_button("Open the chat", href, primary=True)


def _aside(scene: Scene) -> Markup:
    if scene.lesson.stage == "ready":
        return html.badge("ready")
    if scene.lesson.stage == "failed":
        return html.badge("failed")
    since = html.duration(time.time() - scene.lesson.created_at)
    stop = html.button("Stop", "stop-lesson", confirm="Stop the first lesson? What it has made stays.")
    words = Markup('<small class="ts-muted">{} so far. You may close this page.</small>').format(since)
    return Markup('<div class="ts-actions">{}{}</div>').format(words, stop)
