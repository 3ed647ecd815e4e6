"""One sweep in full: how it stands, what can be done with it, and its tabs."""

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from engine.sweeps import spent
from engine.sweeps.picture import Picture
from engine.sweeps.results import study_file
from pages.parts import html, stopping, tabs, undo
from pages.sweeps import address, best_view, charts, taste_view, trials_view, words
from pages.sweeps.address import FIRST, Query

MORE = 20  # trials that "go on" offers


@dataclass(frozen=True)
class Tab:
    """One view. It is asked for again every few seconds, so it must be cheap."""

    label: str
    show: Callable[[Picture, Query], Markup]
    is_there: Callable[[Picture], bool] = lambda picture: True


def _overview(picture: Picture, _query: Query) -> Markup:
    return html.join((best_view.card(picture), charts.first(picture), _asked(picture)))


TABS: dict[str, Tab] = {
    FIRST: Tab("Overview", _overview),
    "charts": Tab("Charts", charts.show),
    "trials": Tab("Trials", trials_view.show),
    "answers": Tab("Compare answers", taste_view.show, lambda picture: picture.by_taste),
}


def sweep_html(picture: Picture, query: Query) -> Markup:
    """The whole page of it."""
    there = {name: tab for name, tab in TABS.items() if tab.is_there(picture)}
    now = query.get("tab", FIRST) if query.get("tab") in there else FIRST
    counts = {"trials": len(picture.trials)}
    strip = tabs.strip(
        "Views of the sweep",
        (
            tabs.Link(tab.label, address.of_sweep(picture.id, name), name == now, counts.get(name))
            for name, tab in there.items()
        ),
    )
    view = Markup('<div class="ts-stack" data-key="tab-{}">{}</div>').format(now, there[now].show(picture, query))
    back = html.link(Markup("&larr; All sweeps"), "/sweeps", soft=True)
    return Markup('<div class="ts-stack" data-id="{}" data-key="sweep-{}">{}{}{}{}{}</div>').format(
        picture.id, picture.id, back, _head(picture), _trouble(picture), strip, view
    )


def _head(picture: Picture) -> Markup:
    title = Markup('<div class="ts-title"><h2>{}</h2>{}<div class="ts-actions">{}</div></div>').format(
        picture.name, html.badge(picture.status), _actions(picture)
    )
    ended = sum(count for state, count in picture.counts().items() if state not in ("running", "refused"))
    most = picture.goal or picture.spec.budget.trials
    share = min(1.0, ended / most) if most and picture.is_moving else None
    bar = (
        Markup('<div class="ts-wide-bar">{}</div>').format(html.progress(share, "Trials")) if share is not None else ""
    )
    facts = html.facts(
        (
            ("Looks for", "; ".join(map(words.objective, picture.spec.objectives))),
            ("Trials", words.counts(picture)),
            ("Began", html.moment(picture.created_at)),
            ("Ended", html.moment(picture.ended_at) if picture.ended_at else ""),
            *_spent(picture),
            ("Why it ended", "" if picture.is_moving else picture.reason),
        )
    )
    return Markup('<section class="ts-card sw-head">{}{}{}</section>').format(title, bar, facts)


def _spent(picture: Picture) -> list[tuple[str, str]]:
    """Energy and money of all its runs: where something was measured, or has a price."""
    so_far = " so far" * picture.is_moving
    return [(f"{title}{so_far}", words) for title, words in spent.in_words(picture.spent)]


def _actions(picture: Picture) -> Markup:
    return html.join((_life(picture), _more(picture), _rerun(picture), _downloads(picture)))


def _life(picture: Picture) -> Markup:
    if picture.status in ("queued", "running"):
        return stopping.stop("sweep", picture.id, picture.name)
    if picture.status in ("stopped", "failed"):
        return html.button("Resume", "resume", picture.id, tone="primary")
    return Markup()


def _more(picture: Picture) -> Markup:
    if picture.status == "stopping":
        return Markup()
    return Markup(
        '<form class="sw-more" data-act="more" data-id="{}"><button class="ts-button">Continue with</button>'
        '<input class="ts-input" name="trials" type="number" min="1" max="1000" value="{}" required'
        ' aria-label="How many more trials"><span>more</span></form>'
    ).format(picture.id, MORE)


def _rerun(picture: Picture) -> Markup:
    failed = sum(trial.state == "failed" for trial in picture.trials)
    if not failed or picture.status == "stopping":
        return Markup()
    return html.button(f"Rerun {failed} failed", "rerun", picture.id)


def _downloads(picture: Picture) -> Markup:
    address_of_csv = f"/api/sweeps/{picture.id}/trials.csv"
    return Markup('<a class="ts-button" href="{}" download>CSV</a>{}{}').format(
        address_of_csv, _study(picture), _delete(picture)
    )


def _study(picture: Picture) -> Markup:
    """The Optuna study file: made by a worker when it is asked for, then a link."""
    match study_file.state(picture):
        case "ready":
            return Markup('<a class="ts-button" href="/api/sweeps/{}/study" download>Optuna study</a>').format(
                picture.id
            )
        case "moving":
            return Markup('<span class="ts-button" aria-disabled="true">Study file is being made</span>')
    return html.button("Make Optuna study", "study", picture.id)


def _delete(picture: Picture) -> Markup:
    if picture.is_moving:
        return Markup()
    question = f"Delete the sweep {picture.name}? Its runs stay. {undo.SAID}"
    return html.button("Delete", "delete", picture.id, question, "danger")


def _trouble(picture: Picture) -> Markup:
    study = study_file.problem(picture)
    error = html.notice(picture.error, picture.hint, "bad") if picture.error else Markup()
    return error + (html.notice("The study file could not be made.", study, "warn") if study else Markup())


def _asked(picture: Picture) -> Markup:
    """What was asked for."""
    spec = picture.spec
    budget = [
        words.counted(spec.budget.trials, "trial") if spec.budget.trials else "",
        html.duration(spec.budget.seconds) if spec.budget.seconds else "",
        f"{spec.budget.tokens:,} tokens" if spec.budget.tokens else "",
    ]
    facts = html.facts(
        (
            ("Sampler", words.SAMPLERS[spec.sampler]),
            ("Pruner", words.PRUNERS[spec.pruner]),
            ("Budget", ", ".join(filter(None, budget))),
            ("Side by side", str(spec.parallel)),
            ("Seed", str(spec.seed)),
            ("Repeats of the best", str(spec.repeats)),
            ("Stops without a gain in", words.counted(spec.patience, "trial") if spec.patience else ""),
            ("Cheaper while searching", _proxy(picture)),
            ("Warm start from", words.counted(len(spec.warm_from), "earlier sweep") if spec.warm_from else ""),
        )
    )
    return html.card("What was asked for", facts)


def _proxy(picture: Picture) -> str:
    proxy = picture.spec.proxy
    if proxy is None:
        return ""
    parts = (
        f"at most {proxy.max_steps:,} steps" if proxy.max_steps else "",
        f"{100 * proxy.data_share:g} % of the rows" if proxy.data_share else "",
        f"the best {proxy.full} in full after it",
    )
    return ", ".join(filter(None, parts))
