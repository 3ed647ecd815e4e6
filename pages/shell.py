"""What every page shares: the rail with the project switcher, the pages and what is running, and the heading."""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from types import ModuleType
from typing import Protocol

import gradio as gr
from markupsafe import Markup

from engine.accounts import projects
from pages import finder, shortcuts
from pages.notifications import bell
from pages.parts import html, live, toasts
from pages.parts.icons import icon
from storage import db, runs
from storage import projects as stored_projects
from storage.tables import DEFAULT_PROJECT, Project, Run

PRIVATE = live.PRIVATE
COOKIE = "tunesmith_project"
MOST_ACTIVE = 3  # runs that the rail names
_ID = re.compile(r"[0-9a-z][0-9a-z-]{0,63}")


class HasCookies(Protocol):
    """A request of Gradio's or Starlette's."""

    @property
    def cookies(self) -> Mapping[str, str]: ...


def project_of(request: HasCookies | None) -> str:
    """The id of the project the browser has chosen; the default one when it has not, or the choice is gone."""
    project_id = request.cookies.get(COOKIE, "") if request else ""
    if not _ID.fullmatch(project_id):
        return DEFAULT_PROJECT
    with db.reading() as session:
        project = stored_projects.get(session, project_id)
    return project_id if project and not project.archived else DEFAULT_PROJECT


def page_name(module: ModuleType) -> str:
    """How /fragments/ calls a page: its slug, or "home"."""
    return str(module.SLUG) or "home"


def frame(module: ModuleType, pages: Sequence[ModuleType] = ()) -> None:
    """Draws the rail and the heading of a page. Called inside its route, before the page's own `page()`."""
    gr.Navbar(visible=False)
    live.current_page.set("frame")
    with gr.Column(elem_id="rail", min_width=0):
        _static(_brand())
        switcher = live.live("projects", projects_html, seconds=30, actions=True)
        chosen = gr.Textbox(visible=False, elem_id="chosen-project")
        switcher.action(project_act, None, chosen, **live.ACTING).then(None, chosen, js=_TAKE_PROJECT, **live.QUIET)
        _static(_navigation(module, pages or (module,)))
        live.live("activity", activity_html, seconds=3)
        live.acting(live.live("bell", bell.bell_html, seconds=5, actions=True), bell.act)
        _static(_foot(pages))
    live.current_page.set(page_name(module))
    _static(_heading(module))


def still(pages: Sequence[ModuleType]) -> Markup:
    """The rail without what is live in it, for a page outside Gradio; none of `pages` is the open one."""
    parts = (_brand(), _navigation(None, pages), _foot(pages))
    return html.join(Markup("<div>{}</div>").format(part) for part in parts)


def _static(content: Markup) -> None:
    gr.HTML(str(content), js_on_load=None, apply_default_css=False)


_TAKE_PROJECT = "(id) => { if (window.tunesmith) tunesmith.project(id); }"


def _brand() -> Markup:
    return Markup(
        '<a class="ts-skip" href="#content">Skip to the content</a>'
        '<a class="ts-brand" href="/" aria-label="Tunesmith: home">'
        '<img src="/static-tunesmith/favicon.svg" alt="" width="28" height="28">'
        "<span>Tunesmith</span></a>"
    )


def _navigation(module: ModuleType | None, pages: Sequence[ModuleType]) -> Markup:
    """The pages in their groups. On a narrow screen they are folded under a button that names the page one is on."""
    open_page = (module.ICON, module.TITLE) if module else ("project", "Pages")
    fold = Markup(
        '<button type="button" class="ts-fold" data-fold aria-expanded="false" aria-controls="pages">'
        "{}<span>{}</span>{}</button>"
    ).format(icon(open_page[0]), open_page[1], icon("up-down"))
    groups = html.join(_group(name, list(members), module) for name, members in groupby(pages, _group_of))
    return Markup('{}<nav class="ts-nav" id="pages" aria-label="Pages">{}</nav>').format(fold, groups)


def _group_of(page: ModuleType) -> str:
    return str(page.GROUP)


def _group(name: str, pages: Sequence[ModuleType], current: ModuleType | None) -> Markup:
    title = Markup('<h2 id="pages-{}">{}</h2>').format(name.lower(), name) if name else Markup()
    label = Markup(' role="group" aria-labelledby="pages-{}"').format(name.lower()) if name else Markup()
    links = html.join(_page_link(page, page is current) for page in pages)
    return Markup("<div{}>{}{}</div>").format(label, title, links)


def _page_link(page: ModuleType, is_current: bool) -> Markup:
    current = Markup(' aria-current="page"') if is_current else ""
    return Markup('<a href="/{}" data-key="{}"{}>{}<span>{}</span><kbd>g {}</kbd></a>').format(
        page.SLUG, page.KEY, current, icon(page.ICON), page.TITLE, page.KEY
    )


def _foot(pages: Sequence[ModuleType]) -> Markup:
    return Markup(
        '<div class="ts-foot"><button type="button" class="ts-quiet" data-shortcuts aria-label="Shortcuts">'
        "{}<span>Shortcuts</span><kbd>?</kbd></button>"
        '<button type="button" class="ts-quiet" data-theme-toggle'
        ' aria-label="Light or dark">{}<span>Light or dark</span>'
        "<kbd>t</kbd></button></div>{}{}"
    ).format(icon("keys"), icon("theme"), shortcuts.sheet(pages), finder.dialog())


def _heading(module: ModuleType) -> Markup:
    return Markup(
        '<header class="ts-heading" id="content" tabindex="-1"><h1><span>{}</span> <small></small></h1><p>{}</p>{}'
        "</header>"
        '<div id="ts-connection" role="status" aria-live="polite" hidden>Connection lost. Retrying.</div>'
    ).format(module.TITLE, module.SUBTITLE, _help(module))


def _help(module: ModuleType) -> Markup:
    """The way to this page's guide."""
    if module.SLUG == "help":
        return Markup()
    name = page_name(module)
    return Markup(
        '<a class="ts-help" href="/help?page={}" data-guide="{}" title="Help on this page"'
        ' aria-label="Help on {}">?</a>'
    ).format(name, name, module.TITLE)


def projects_html(query: Mapping[str, str]) -> str:
    """The switcher: the project in use, the others, and create, rename, archive, delete."""
    with db.reading() as session:
        all_projects = list(stored_projects.all_projects(session, archived=True))
    chosen = next((project for project in all_projects if project.id == query["project"]), None)
    current = chosen or Project(id=DEFAULT_PROJECT, name="Default")
    active = [project for project in all_projects if not project.archived]
    archived = [project for project in all_projects if project.archived]
    return str(
        Markup(
            '<details class="ts-switch" data-menu>'
            '<summary aria-label="Project: {}"><span>{}</span><b>{}</b>{}</summary>'
            '<div class="ts-menu">{}{}{}{}</div></details>'
        ).format(
            current.name,
            icon("project"),
            current.name,
            icon("up-down"),
            html.join(_choice(project, project.id == current.id) for project in active),
            _project_form("create", "", "New project", "", "Create"),
            _project_form("rename", current.id, "Rename this project", current.name, "Rename"),
            _archiving(current, archived),
        )
    )


def _choice(project: Project, current: bool) -> Markup:
    return Markup(
        '<button type="button" class="ts-choice" data-project="{}" aria-pressed="{}">{}<span>{}</span></button>'
    ).format(project.id, "true" if current else "false", icon("check") if current else "", project.name)


def _project_form(act: str, id: str, label: str, value: str, button: str) -> Markup:
    return Markup(
        '<form data-act="{}" data-id="{}"><label>{}<input name="name" value="{}" maxlength="80" required'
        ' autocomplete="off"></label><button class="ts-button">{}</button></form>'
    ).format(act, id, label, value, button)


def _archiving(current: Project, archived: Sequence[Project]) -> Markup:
    archive, delete = Markup(), Markup()
    if current.id != DEFAULT_PROJECT:
        question = f"Archive {current.name}? It can be restored from here."
        archive = html.button("Archive this project", "archive", current.id, question)
        delete = html.link("Delete this project", f"/system?delete={current.id}#live-system-projects")
    restore = html.join(html.button(f"Restore {project.name}", "restore", project.id) for project in archived)
    return Markup('<div class="ts-menu-end">{}{}{}</div>').format(archive, delete, restore)


def project_act(event: gr.EventData) -> str:
    """Create, rename, archive, restore; returns the id of the project to show next ("" leaves it)."""
    with toasts.toast():
        return ACTS[event.name](event.id, event.values)
    return ""


def _create(_id: str, values: Mapping[str, str]) -> str:
    return projects.create_project(values["name"]).id


def _rename(id: str, values: Mapping[str, str]) -> str:
    return projects.rename_project(id, values["name"]).id


def _archive(id: str, _values: Mapping[str, str]) -> str:
    projects.archive_project(id)
    return DEFAULT_PROJECT


def _restore(id: str, _values: Mapping[str, str]) -> str:
    return projects.restore_project(id).id


ACTS = {"create": _create, "rename": _rename, "archive": _archive, "restore": _restore}


def activity_html(_query: Mapping[str, str]) -> str:
    """What is training now, whatever the project, with a link to it. Empty when nothing moves."""
    with db.reading() as session:
        count, first_runs = runs.count_moving(session), runs.first_moving(session, MOST_ACTIVE)
    lines = html.join(_active(run) for run in first_runs)
    others_note = Markup("<p>and {} more</p>").format(count - MOST_ACTIVE) if count > MOST_ACTIVE else ""
    return str(Markup('<div class="ts-activity">{}{}</div>').format(lines, others_note) if count else Markup())


def _active(run: Run) -> Markup:
    share = run.step / run.max_steps if run.max_steps else None
    words = f"{100 * share:.0f} %" if share is not None and run.status == "running" else str(run.status)
    return Markup('<a href="/runs?run={}"><span>{}</span><small>{}</small>{}</a>').format(
        run.id, run.name, words, html.progress(share if run.status != "queued" else 0, f"Progress of {run.name}")
    )


FRAGMENTS: dict[str, live.Fragment] = {
    "projects": projects_html,
    "activity": activity_html,
    "bell": bell.bell_html,
    "find": finder.hits_html,
}
