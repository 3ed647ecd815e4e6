"""Get the code: a run as a script or a notebook, how it is started here or in a cloud, and who calls its endpoint."""

import re
from collections.abc import Callable, Mapping

from markupsafe import Markup

from engine.errors import TunesmithError
from engine.runs.script import downloads, launching, told
from engine.serve import client_code
from pages.parts import html
from storage.tables import Run

NO_ORIGIN = "http://127.0.0.1:7860"
_ORIGIN = re.compile(r"https?://[a-zA-Z0-9._:\[\]-]{1,253}")
ABOUT = (
    "A script on transformers, PEFT and TRL alone that trains the same: same rows, same order, same seed. It checks "
    "that its tokens are the run's, and says at the top how close its losses come."
)


def can_be(run: Run) -> bool:
    """Whether the training has begun: before, it is not known what it computes with."""
    return run.facts.dtype is not None


def card_of(run: Run) -> Markup:
    """The card of a run that has begun to train. What is in its folds is made when one is opened."""
    if not can_be(run):
        return Markup()
    buttons = html.join(
        Markup('<a class="ts-button"{} href="/api/runs/{}/{}" download>{}</a>').format(tone, run.id, name, label)
        for name, label, tone in (
            ("script", "Download script", Markup(' data-tone="primary"')),
            ("notebook", "Notebook", ""),
            ("requirements", "Requirements", ""),
        )
    )
    head = Markup('<p class="ts-note">{}</p><div class="ts-actions">{}</div>').format(ABOUT, buttons)
    folds = html.join(_fold(run.id, part, title) for part, (title, _) in PARTS.items())
    content = Markup('<div class="rn-code">{}<div class="ts-folds">{}</div></div>').format(head, folds)
    return html.card("Get the code", content)


def _fold(run_id: str, part: str, title: str) -> Markup:
    return Markup(
        '<details data-key="code-{}"><summary>{}</summary>'
        '<ts-fold data-keep id="code-{}-{}" src="/fragments/runs/code?run={}&amp;part={}"></ts-fold></details>'
    ).format(part, title, part, run_id, run_id, part)


def code_html(query: Mapping[str, str]) -> str:
    """One part of a run's code: script, start, cloud, packages or clients."""
    _, part = PARTS.get(query.get("part", ""), PARTS["script"])
    try:
        return str(part(query))
    except TunesmithError as error:
        return str(html.notice(error.message, error.hint, "warn"))


def _hides_paths(query: Mapping[str, str]) -> bool:
    return query.get("role") == "viewer"


def _script(query: Mapping[str, str]) -> Markup:
    return _copyable("script", downloads.script(query.get("run", ""), _hides_paths(query)).text)


def _packages(query: Mapping[str, str]) -> Markup:
    return _copyable("packages", downloads.requirements(query.get("run", "")).text)


def _start(query: Mapping[str, str]) -> Markup:
    run = told.of_run(query.get("run", ""))
    return html.join(
        Markup('<p class="ts-note">{}: {}</p>{}').format(
            command.title, command.about, _copyable(command.title, command.text)
        )
        for command in launching.commands(run, downloads.file_name(run))
    )


def _cloud(query: Mapping[str, str]) -> Markup:
    task = launching.cloud_task(told.of_run(query.get("run", ""), _hides_paths(query)))
    words = "Save it as task.yaml, choose your accelerators, and run sky launch task.yaml. It runs the studio's worker."
    return Markup('<p class="ts-note">{}</p>{}').format(words, _copyable("cloud", task))


def _clients(query: Mapping[str, str]) -> Markup:
    served = launching.served_names(query.get("run", ""))
    if not served:
        return Markup('<p class="ts-note">No endpoint answers with this run now. {} starts one.</p>').format(
            html.link("The Serve page", "/serve")
        )
    origin = query.get("origin", "")
    clients = client_code.clients(origin if _ORIGIN.fullmatch(origin) else NO_ORIGIN, served[0][1])
    return html.join(
        Markup('<p class="ts-note">{}: {}</p>{}').format(client.title, client.about, _copyable(client.id, client.code))
        for client in clients
    )


def _copyable(name: str, text: str) -> Markup:
    return Markup(
        '<div class="ts-copyable"><pre class="ts-code" id="code-text-{}" tabindex="0" role="region" aria-label="{}">{}'
        '</pre><button type="button" class="ts-button" data-copy="code-text-{}" aria-label="Copy: {}">Copy</button>'
        "</div>"
    ).format(name, name, text, name, name)


PARTS: dict[str, tuple[str, Callable[[Mapping[str, str]], Markup]]] = {
    "script": ("The script", _script),
    "start": ("Start it", _start),
    "cloud": ("SkyPilot task", _cloud),
    "packages": ("Packages", _packages),
    "clients": ("Call its endpoint", _clients),
}
