"""Projects with how much is in each; one is deleted here, after its name was typed."""

from collections.abc import Mapping

from markupsafe import Markup

from engine.accounts import projects
from engine.errors import NotFoundError
from engine.projects import contents, deleting
from pages.parts import html, toasts
from storage import db
from storage import projects as stored
from storage.tables import DEFAULT_PROJECT, Project


def projects_html(query: Mapping[str, str]) -> str:
    """Every project; with `?delete=ID`, what goes with that one, and the form that deletes it."""
    with db.reading() as session:
        listed = stored.all_projects(session, archived=True)
        counts = contents.counted_all(session)
    rows = [_row(project, counts.get(project.id, {})) for project in listed]
    headers = (html.Header("Project"), html.Header("What is in it"), html.Header("Created", "number"))
    table = html.table((*headers, html.Header("Actions", "actions")), rows, "Projects")
    return str(html.card("Projects", _asking(query["delete"]) if query.get("delete") else "", table))


def _row(project: Project, counts: Mapping[str, int]) -> html.Row:
    name = f"{project.name} (archived)" if project.archived else project.name
    inside = contents.in_words(counts).capitalize()
    link = html.link("Delete", f"/system?delete={project.id}#live-system-projects", soft=True)
    is_default = project.id == DEFAULT_PROJECT
    return html.Row((name, inside, html.moment(project.created_at), "" if is_default else link), id=project.id)


def _asking(project_id: str) -> Markup:
    try:
        inside = contents.of(project_id)
    except NotFoundError:
        return Markup()  # deleted a moment ago, or never there
    words = Markup(
        "<p><b>Delete {}?</b> With it go, for good: {}. Their files take {}. Base models stay, as all projects share"
        " them.</p>"
    ).format(inside.name, inside.words, html.size(inside.size_bytes))
    form = Markup(
        '<form class="dt-fields sy-token-form" data-act="delete-project" data-id="{}" data-key="delete-{}">'
        '<label><b>Type its name to delete it</b><input name="name" required maxlength="80" autocomplete="off"'
        ' placeholder="{}"></label>'
        '<button class="ts-button" data-tone="danger" type="submit">Delete project</button>{}</form>'
    ).format(inside.project_id, inside.project_id, inside.name, html.link("Cancel", "/system", soft=True))
    return Markup('<div class="ts-notice" data-tone="warn">{}{}</div>').format(words, form)


def delete(project_id: str, values: Mapping[str, str]) -> None:
    """Deletes the project whose name was typed."""
    name = projects.look_up(project_id).name
    went = deleting.delete(project_id, values.get("name", ""))
    toasts.done(f"{name} is deleted: {went.words}. Its files are removed within minutes.")
