"""What is kept, as live parts: the snippet that is open, its versions, two of them compared, all snippets by name."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from engine.code import hidden, snippets
from engine.code.actions import ACTIONS
from engine.errors import TunesmithError
from pages.code import marks, versions_view
from pages.code.versions_view import address
from pages.parts import html
from pages.parts.icons import icon
from storage.tables import Snippet, SnippetVersion

MOST_LISTED = 12
MOST_VERSIONS = 30  # in the list; the choice of what to compare has them all
MOST_SIDE_BY_SIDE = 8


def head_html(query: Mapping[str, str]) -> str:
    """The name of what is open, and what can be done with it as a whole."""
    try:
        snippet = snippets.get(query["snippet"]) if query.get("snippet") else None
    except TunesmithError as error:
        return str(html.notice(error.message, error.hint, "warn"))
    save = html.button("Save", "save", tone="primary")
    if snippet is None:
        title = Markup('<h2>New snippet</h2><span class="ts-note">Kept in this browser until you save it.</span>')
        buttons = [html.button("Download file", "download"), save]
    else:
        title = Markup("<h2>{}</h2>{}").format(marks.shown(snippet.name), _rename(snippet))
        buttons = [html.link_button("New", "/code"), *_downloads(snippet), _delete(snippet), save]
    return str(
        Markup('<div class="cd-head">{}<div class="ts-actions">{}</div></div>').format(title, html.join(buttons))
    )


def _rename(snippet: Snippet) -> Markup:
    return Markup(
        '<details class="ts-rename"><summary aria-label="Rename" title="Rename">{}</summary>'
        '<form data-act="rename" data-id="{}"><input class="ts-input" name="name" value="{}" maxlength="120" required '
        'autocomplete="off" aria-label="New name"><button class="ts-button">Rename</button></form></details>'
    ).format(icon("pencil"), snippet.id, snippet.name)


def _downloads(snippet: Snippet) -> list[Markup]:
    archive = Markup('<a class="ts-button" href="/api/snippets/{}/download" download>Download zip</a>')
    return [html.button("Download file", "download"), archive.format(snippet.id)]


def _delete(snippet: Snippet) -> Markup:
    question = f"Delete the snippet {hidden.escaped(snippet.name)} with all its versions?"
    return html.button("Delete", "delete", snippet.id, question, "danger")


def versions_html(query: Mapping[str, str]) -> str:
    """The versions of the open snippet, the newest first, and which two to compare."""
    if not query.get("snippet"):
        return ""
    try:
        versions = snippets.versions(query["snippet"])
    except TunesmithError:
        return ""  # the head says it
    if not versions:
        return ""
    shown = query.get("version") or str(versions[0].number)
    items = html.join(_version(version, str(version.number) == shown) for version in versions[:MOST_VERSIONS])
    listed = Markup('<ol class="cd-list">{}</ol>').format(items)
    return str(html.card("Versions", listed, _compare(query, versions)))


def _version(version: SnippetVersion, is_shown: bool) -> Markup:
    result = version.result_json or {}
    facts = [html.moment(version.created_at), *[text for text in (version.model, version.note) if text]]
    words = Markup("<b>{}</b> {} {}").format(version.number, action_words(version.action), _ran(result))
    about = Markup("<small>{}</small>").format(Markup(" · ").join(marks.shown(str(f), 120) if isinstance(f, str) and not isinstance(f, Markup) else f for f in facts))
    return Markup('<li{}><div>{}</div>{}{}</li>').format(
        Markup(' aria-current="true"') if is_shown else "", words, html.button("Open", "open", str(version.number)), about
    )
