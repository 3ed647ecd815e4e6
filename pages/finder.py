"""The finder: Ctrl+K on any page, then a part of a name, and Enter. Pages are found in the rail, the rest here."""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from markupsafe import Markup

from pages.parts import html
from storage import chats, db, endpoints
from storage.lists import datasets, models
from storage.run_lists import wanted
from storage.sweeps import sweeps
from storage.typed import as_kept

LONGEST, MOST_OF_A_KIND = 120, 5
Hit = tuple[str, str, str]
"""Where it leads, what it is called, what it is."""


def dialog() -> Markup:
    """The dialog, closed. app/static/finder.js opens and fills it."""
    return Markup(
        '<dialog class="ts-dialog ts-finder" id="finder" aria-label="Go to">'
        '<input type="search" role="combobox" aria-expanded="false" aria-controls="finder-list" '
        'aria-autocomplete="list" '
        'aria-label="A page, a run, a dataset, a model ..." placeholder="Go to a page, a run, a dataset, a model ..." '
        'maxlength="{}" autocomplete="off" autocapitalize="off" spellcheck="false">'
        '<div id="finder-list" role="listbox" aria-label="What was found"></div></dialog>'
    ).format(LONGEST)


def hits_html(query: Mapping[str, str]) -> str:
    """What of the project carries every word in its name, a few of each kind; at last the way into the guide."""
    text = " ".join(as_kept(query.get("q", ""))[:LONGEST].split())
    if not text:
        return ""
    for_help = (f"/help?q={quote(text)}", text, "search the guide")
    return str(html.join(_option(*hit) for hit in (*_hits(text, query["project"]), for_help)))


def _hits(text: str, project_id: str) -> Iterator[Hit]:
    words = text.lower().split()
    with db.reading() as session:
        for run in wanted.page(session, wanted.Wanted(project_id, text), MOST_OF_A_KIND):
            yield f"/runs?run={run.id}", run.name, f"run, {run.status.value}"
        for dataset in datasets.page(session, datasets.Filters(project_id, text), MOST_OF_A_KIND):
            yield f"/data?dataset={dataset.id}", dataset.name, "dataset"
        for model in models.page(session, models.Filters(text), MOST_OF_A_KIND):
            yield f"/models?model={model.id}", model.name, "model"
        for sweep in sweeps.recent(session, project_id, MOST_OF_A_KIND, words=words):
            yield f"/sweeps?sweep={sweep.id}", sweep.name, f"sweep, {sweep.status.value}"
        for endpoint in endpoints.recent(session, project_id, MOST_OF_A_KIND, words=words):
            yield "/serve", endpoint.name, "endpoint"
        for talk, _ in chats.recent(session, project_id, MOST_OF_A_KIND, words):
            yield f"/chat?chat={talk.id}", talk.title or "A chat without a title", "chat"


def _option(href: str, name: str, kind: str) -> Markup:
    return Markup('<a role="option" tabindex="-1" href="{}"><span>{}</span><small>{}</small></a>').format(
        href, name, kind
    )
