"""What is best so far, by how much over the start, how sure that is, and what can be done with it."""

from markupsafe import Markup

from engine.sweeps import picture as pictures
from engine.sweeps.best import Lead
from engine.sweeps.picture import Picture
from engine.sweeps.results import plots
from engine.sweeps.spec import Objective
from engine.sweeps.study import Trial
from pages.parts import html
from pages.sweeps import address, words

FULL_SHOWN = 20


def card(picture: Picture) -> Markup:
    """The card of the best trial; nothing before a trial has finished."""
    lead = picture.lead()
    if lead is None:
        return _none_yet(picture)
    objective = picture.spec.objectives[0]
    heading = "Best so far" if picture.is_moving else "The best"
    heading += " in the first objective" if len(picture.spec.objectives) > 1 else ""
    said = Markup('<p class="sw-best"><b>{}</b> <span>{}</span></p>').format(
        words.value(lead.value, objective), _which(lead, objective, picture)
    )
    parts = (said, _gain(lead, objective), _actions(picture, lead.best), _settings(picture, lead.best))
    more = (_several(picture), _full(picture))
    return html.card(heading, Markup('<div class="ts-stack sw-stack">{}</div>').format(html.join((*parts, *more))))


def _none_yet(picture: Picture) -> Markup:
    if picture.by_taste and picture.counts().get("complete"):
        hint = Markup("Pick the better of two on the {} tab.").format(
            html.link("Compare answers", address.of_sweep(picture.id, "answers"))
        )
        return html.notice("No trial has been compared yet.", hint, "calm")
    return html.notice("No trial has finished yet.", "The first one that finishes is shown here.", "calm")


def _which(lead: Lead, objective: Objective, picture: Picture) -> str:
    title = plots.objective(objective)["title"]
    proxy = ", in the cheaper training of the search" if picture.spec.proxy else ""
    if lead.repeats > 1:
        return f"{title}: the mean of trial {lead.best.number} with {lead.repeats} other seeds{proxy}"
    return f"{title}: trial {lead.best.number}{proxy}"


def _gain(lead: Lead, objective: Objective) -> Markup:
    """By how much over the start. Signs say what the value did; the words whether that is better."""
    if lead.gain is None or lead.start_value is None:
        return html.notice("How much better than the start is unknown.", lead.why, "calm")
    if lead.verdict == "same":
        return html.notice(lead.why, "", "calm")
    sign = -1 if objective.direction == "minimize" else 1
    change = words.apart(sign * lead.gain, objective)
    start = f"The settings of the form reached {words.value(lead.start_value, objective)}."
    if lead.low is None or lead.high is None:
        return html.notice(f"{change} against the start. How sure that is, is unknown.", f"{start} {lead.why}", "calm")
    low, high = (words.apart(one, objective, lead.gain) for one in sorted((sign * lead.low, sign * lead.high)))
    sure = f"{start} 95 % interval: {low} to {high}, from {lead.source}."
    match lead.verdict:
        case "better":
            return html.notice(f"{change} against the start. That is more than chance.", sure, "good")
        case "worse":
            return html.notice(f"{change} against the start. That is worse: chance misled the search.", sure, "warn")
    return html.notice(f"{change} against the start. That may be chance.", sure, "warn")


def _settings(picture: Picture, trial: Trial) -> Markup:
    """Each field: what it was at the start, what it is in the best."""
    before = pictures.start(picture.spec)
    rows = [
        html.Row((plots.title(field), words.setting(before[field]), _marked(trial, field, words.setting(before[field])),
                  words.dimension(dimension)))
        for field, dimension in picture.spec.space.items()
    ]  # fmt: skip
    return html.table(["Field", "Start", "Best", "Tried"], rows, "Settings of the best trial")


def _marked(trial: Trial, field: str, before: str) -> Markup:
    now = words.setting(trial.params.get(field))
    return Markup("<b>{}</b>" if now != before else "{}").format(now)


def _actions(picture: Picture, trial: Trial) -> Markup:
    use = html.link_button("Use these settings", address.of_settings(picture.id, trial.number), primary=True)
    return Markup('<div class="ts-actions sw-acts">{}{}{}</div>').format(use, _longer(picture, trial), _run(trial))


def _longer(picture: Picture, trial: Trial) -> Markup:
    """After a cheaper search the best is trained in full; otherwise it was, and can be trained on, for longer."""
    if picture.can_train_in_full(trial):
        return html.button("Train the best in full", "full", f"{picture.id}:{trial.number}")
    full = next((one for one in picture.trials if one.phase == "full" and one.of == trial.number), None)
    run_id = (full or trial).run_id
    return html.link_button("Train further", f"/train?further={run_id}") if run_id else Markup()


def _run(trial: Trial) -> Markup:
    return html.link_button("Its run", f"/runs?run={trial.run_id}") if trial.run_id else Markup()


def _several(picture: Picture) -> Markup:
    """With several objectives there is not one best: those that no other trial beats."""
    objectives = picture.spec.objectives
    if len(objectives) == 1:
        return Markup()
    numbers = plots.front(picture.trials, [one.direction for one in objectives])
    rows = [_line(picture, trial) for number in numbers[:FULL_SHOWN] if (trial := picture.trial(number))]
    note = Markup('<p class="ts-note">{}</p>').format(
        f"{words.counted(len(numbers), 'trial')} that no other beats in everything. Above is the best of them in the "
        "first objective."
    )
    heads = ["Trial", *(plots.objective(one)["title"] for one in objectives), "Settings", html.Header("Use", "actions")]
    return note + html.table(heads, rows, "Trials on the Pareto front")


def _full(picture: Picture) -> Markup:
    """The best ones trained in full, which is what counts where the search was a cheaper training."""
    full = [trial for trial in picture.trials if trial.phase == "full"]
    if not full:
        return Markup()
    heads = ["Trial", *(plots.objective(one)["title"] for one in picture.spec.objectives), "Settings",
             html.Header("Use", "actions")]  # fmt: skip
    note = Markup('<p class="ts-note">Trained in full: with every step and row of the recipe.</p>')
    return note + html.table(heads, [_line(picture, trial) for trial in full[:FULL_SHOWN]], "Trained in full")


def _line(picture: Picture, trial: Trial) -> html.Row:
    number = f"{trial.of} (trial {trial.number})" if trial.phase == "full" else str(trial.number)
    name = html.link(number, f"/runs?run={trial.run_id}") if trial.run_id else number
    values = trial.values or (None,) * len(picture.spec.objectives)
    shown = (words.value(one, objective) for one, objective in zip(values, picture.spec.objectives, strict=False))
    use = html.link_button("Use", address.of_settings(picture.id, trial.number))
    state = Markup("{} {}").format(name, html.badge(trial.state)) if trial.state != "complete" else name
    return html.Row((state, *shown, words.settings(trial.params), use))
