"""What a run's worker prints, followed live, and what happened to the run."""

import time

from markupsafe import Markup

from engine.runs import output
from pages.parts import html
from pages.parts.live import log_box
from storage import db, transitions
from storage.statuses import RunStatus
from storage.tables import Run

BROKEN = (RunStatus.FAILED, RunStatus.INTERRUPTED)


def last_words(run: Run) -> Markup:
    """The end of what a run printed that broke off; nothing for any other."""
    words = output.last_words(run.id) if run.status in BROKEN else ""
    if not words:
        return Markup()
    link = html.link("The whole log", f"/runs?run={run.id}&tab=log", soft=True)
    return html.card("Its last words", Markup('<pre class="ts-code" tabindex="0">{}</pre>').format(words), aside=link)


def log(run: Run) -> Markup:
    """The log, which fetches itself."""
    return html.card("Log", log_box(run.id, f"/api/runs/{run.id}/log"))


def history(run: Run) -> Markup:
    """What happened to the run, the newest first, with the reason of each change."""
    with db.reading() as session:
        entries = list(transitions.log(session, run.id))
    items = html.join(
        Markup("<li><time>{}</time><span>{} &rarr; {}</span><small>{}</small></li>").format(
            time.strftime("%m-%d %H:%M:%S", time.localtime(entry.at)), entry.before, entry.after, entry.reason
        )
        for entry in reversed(entries)
    )
    if not entries:
        return html.card("History", Markup('<p class="ts-hint">Nothing yet.</p>'))
    return html.card("History", Markup('<ol class="ts-history">{}</ol>').format(items))
