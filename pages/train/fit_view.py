"""What a training will take, beside the Train form: memory, time, disk, cost; estimated as one types, or measured.

A probe that is under way shows its progress by itself; when it is done, the page's script asks for the panel anew.
"""

from collections.abc import Mapping
from typing import Any

import gradio as gr
from markupsafe import Markup

from engine.accounts import prices
from engine.errors import NotFoundError
from engine.evaluate import judged_by
from engine.fit import past_probes, speed
from engine.fit.measurement import Largest, Suggestion
from engine.fit.past_probes import PastProbe
from engine.process import work
from engine.recipes import provenance
from engine.recipes.recipe import Recipe
from engine.train import forecast, probe, spending
from engine.train.forecast import Forecast
from engine.train.spending import Spending
from pages.parts import html, toasts
from pages.parts.log_link import log_link
from pages.train import recipe_edits, recipe_words
from pages.train.recipe_check import Checked
from pages.train.recipe_form import FIELDS, recipe_of
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Work

# Buttons of the panel become actions; what a live part of it says is done makes the panel anew.
SCRIPT = """
  if (window.tunesmith) tunesmith.actions(element, (detail) => trigger('action', detail));
  element.addEventListener('ts-shown', (event) => {
    const done = event.target.querySelector('[data-done]');
    if (done) trigger('look');
  });
"""
LIVE = Markup('<ts-live data-keep id="fit-{}" src="/fragments/train/fit?work={}" seconds="1"></ts-live>')


def fit_html(checked: Checked) -> str:
    """The panel; empty while the recipe does not hold or its model and dataset are not chosen."""
    recipe, model, dataset = checked.recipe, checked.model, checked.dataset
    if recipe is None or model is None or dataset is None:
        return ""
    estimate = forecast.of(recipe, model, dataset)
    timing = speed.measure_once(recipe) if estimate.time.seconds is None else None
    due = spending.of(recipe, prices.of_project(dataset.project_id), estimate.time.seconds)
    parts = [_memory(estimate), _time(estimate, timing), _disk(estimate), _spending(due)]
    panel = Markup('<section class="ts-card tr-fit" aria-labelledby="fit-title"><header><h2 id="fit-title">{}</h2>{}')
    content = Markup('</header><dl>{}</dl>{}<p class="tr-judged">{}</p></section>')
    judged = judged_by.words(recipe, model, dataset)
    button, probe = _button(estimate.known), _probe(estimate)
    return str((panel + content).format("What it will take", button, html.join(parts), probe, judged))


def _line(name: str, value: object, source: str, *details: object) -> Markup:
    tag = Markup('<span class="tr-source" data-source="{}">{}</span>').format(source, source)
    return Markup("<div><dt>{}</dt><dd><b>{}</b> {}</dd>{}</div>").format(name, value, tag, html.join(details))


def _small(words: str) -> Markup:
    return Markup("<dd><small>{}</small></dd>").format(words) if words else Markup()


def _memory(estimate: Forecast) -> Markup:
    memory = estimate.memory
    over = memory.needed > memory.available
    tone = "bad" if over else ""
    bar = html.progress(memory.needed / max(1, memory.available), "Memory needed, of what is available", tone)
    words = f"{html.size(memory.needed)} of {html.size(memory.available)}"
    if over and memory.source == "measured":
        words = f"more than the {html.size(memory.available)} available"
    return _line("Memory", words, memory.source, Markup("<dd>{}</dd>").format(bar), _small(_against(estimate)))


def _against(estimate: Forecast) -> str:
    """The estimate beside what was measured; else what the memory is for."""
    if estimate.memory.source == "measured" and estimate.memory.estimated:
        return f"The estimate was {html.size(estimate.memory.estimated)}."
    return estimate.memory.items


def _time(estimate: Forecast, timing: Work | None) -> Markup:
    if timing is not None:
        live = Markup("<dd>{}</dd>").format(LIVE.format(timing.id, timing.id))
        return _line("Time", "timing this machine once", estimate.time.source, live)
    if estimate.time.seconds is None:
        return _line("Time", "not known yet", estimate.time.source, _small(estimate.time.basis))
    length = f" for {estimate.steps:,} step{'' if estimate.steps == 1 else 's'}" if estimate.steps else ""
    rate = f", {html.number(estimate.time.tokens_per_second, 3)} tokens/s" if estimate.time.tokens_per_second else ""
    words = f"about {html.remaining(estimate.time.seconds)}{length}"
    return _line("Time", words, estimate.time.source, _small(f"From {estimate.time.basis}{rate}."))


def _disk(estimate: Forecast) -> Markup:
    words = f"{html.size(estimate.disk.total)} of {html.size(estimate.disk_free)} free"
    return _line("Disk", words, "estimate", _small(str(estimate.disk)))


def _spending(due: Spending) -> Markup:
    """Energy and money, where they are known or have a price."""
    words = spending.in_words(due)
    return _line(words.title, words.value, "estimate", _small(words.detail)) if words else Markup()


def _button(past: PastProbe | None) -> Markup:
    if past and past.under_way:
        return html.button("Stop", "stop_measuring")
    if past and past.trial:
        return Markup()
    return html.button("Measure", "measure")


def _probe(estimate: Forecast) -> Markup:
    """How far a probe is, or what it found beyond the numbers above."""
    past = estimate.known
    if past is None or past.work.status == WorkStatus.STOPPED:
        words = "Measure does two real steps with the longest rows: at most a few minutes, and nothing is kept of them."
        return Markup('<p class="tr-fit-note">{}</p>').format(words)
    if past.under_way:
        return LIVE.format(past.work.id, past.work.id)
    if past.measured is None:
        failed = html.notice(past.work.error or "The measurement failed.", past.work.hint or "", "warn")
        return failed + log_link(past.work.id, "measurement")
    return _largest(past.measured.largest) + _suggestion(past.measured.suggestion)


def _largest(largest: Largest | None) -> Markup:
    if largest is None:
        return Markup()
    prefix = "at least " if largest.at_least else ""
    basis = "tried" if largest.tried else "calculated from two measured batches"
    return Markup('<p class="tr-fit-note">Largest batch that fits: <b>{}{}</b> ({}).</p>').format(
        prefix, largest.batch, basis
    )


def _suggestion(suggestion: Suggestion | None) -> Markup:
    if suggestion is None:
        return Markup()
    if not suggestion.fields:
        return html.notice(suggestion.reason, tone="good" if suggestion.found else "bad")
    return Markup('<div class="tr-suggestion"><p>{} <b>{}</b></p>{}</div>').format(
        suggestion.reason,
        recipe_words.changes_in_words(suggestion.fields),
        html.button("Apply", "apply_fit", tone="primary"),
    )


def fragment(query: Mapping[str, str]) -> str:
    """How far a measurement is, by the id of its work; nothing without one. Raises NotFoundError."""
    if not query.get("work"):
        return ""
    job = work.look_up(query["work"])
    if job.kind not in (past_probes.KIND, speed.KIND):
        raise NotFoundError(f"The work `{job.id}` measures nothing.")
    if job.status not in WORK_MOVING:
        return str(Markup('<p data-done="{}">Done.</p>').format(job.id))
    words = (job.stage or "starting").capitalize()
    return str(
        Markup('<div class="da-importing"><p><span>{}</span>{}</p>{}</div>').format(
            words, log_link(job.id, "measurement"), html.progress(job.progress or None, words)
        )
    )


def act(event: gr.EventData, given: str, *values: Any) -> list[Any]:
    """What a button of the panel does; returns what the form becomes, as in `recipe_edits`."""
    unchanged: list[Any] = [gr.skip()] * (len(FIELDS) + 2)
    with toasts.toast():
        recipe = Recipe.model_validate(recipe_of(values))
        match event.name:
            case "measure":
                probe.start(recipe)
            case "stop_measuring":
                probe.stop(recipe)
            case "apply_fit":
                past = past_probes.find(recipe)
                suggestion = past.measured.suggestion if past and past.measured else None
                return (
                    recipe_edits.put(suggestion.fields, provenance.PROBE, given, *values) if suggestion else unchanged
                )
    return unchanged
