"""What is kept, as live parts: the snippet that is open, its versions, two of them compared, all snippets by name."""

from collections.abc import Mapping
from urllib.parse import urlencode

from markupsafe import Markup

from engine import hidden
from engine.code import snippets
from engine.code.actions import ACTIONS
from engine.code.snippets import VersionLine
from engine.errors import TunesmithError
from pages.code import versions_view
from pages.code.versions_view import address
from pages.parts import html, marks, pager, undo
from pages.parts.icons import icon
from storage.tables import Snippet

MOST_LISTED = 10
MOST_VERSIONS = 8  # on a page of the list: what comes below it stays in reach
VERSIONS_PAGE = "older"  # in the address; the snippets have `page`
CARRIED = ("snippet", "version", "from", "to", "side", "q", "page")
MOST_TITLE = 160  # characters of a name or note in a list
OTHER_ACTIONS = {"save": "Saved", "run": "Run"}


def head_html(query: Mapping[str, str]) -> str:
    """The name of what is open, and what can be done with it as a whole."""
    try:
        snippet = snippets.get(query["snippet"]) if query.get("snippet") else None
    except TunesmithError:
        text = "It was deleted, or the link is incomplete."
        return str(html.empty("This snippet no longer exists", text, "/code", "New snippet"))
    save = html.button("Save", "save", tone="primary")
    if snippet is None:
        title = Markup('<h2>New snippet</h2><span class="ts-note">In this browser only, until you save it.</span>')
        question = "Throw away the files and the task on this page?"
        clear = html.button("Clear", "clear", confirm=question, tone="danger")
        buttons = [clear, html.button("Download file", "download"), save]
    else:
        shown = html.in_title(snippet.name[:MOST_TITLE])
        title = Markup("{}<h2>{}</h2>{}").format(shown, marks.shown(snippet.name, MOST_TITLE), _rename(snippet))
        buttons = [_delete(snippet), html.link_button("New", "/code"), *_downloads(snippet, query), save]
    return str(
        Markup('<div class="cd-head">{}<div class="ts-actions">{}</div></div>').format(title, html.join(buttons))
    )


def _rename(snippet: Snippet) -> Markup:
    return Markup(
        '<details class="ts-rename"><summary aria-label="Rename" title="Rename">{}</summary>'
        '<form data-act="rename" data-id="{}"><input class="ts-input" name="name" value="{}" maxlength="120" required '
        'autocomplete="off" aria-label="New name"><button class="ts-button">Rename</button></form></details>'
    ).format(icon("pencil"), snippet.id, snippet.name)


def _downloads(snippet: Snippet, query: Mapping[str, str]) -> list[Markup]:
    """The open file as it is in the editor; all files of the version that the address names, else of the newest."""
    number = query.get("version", "")
    href = f"/api/snippets/{snippet.id}/download" + (f"?version={number}" if number.isdecimal() else "")
    archive = Markup('<a class="ts-button" href="{}" download>Download zip</a>').format(href)
    return [html.button("Download file", "download"), archive]


def _delete(snippet: Snippet) -> Markup:
    question = f"Delete the snippet {hidden.escaped(snippet.name)} with all its versions? {undo.SAID}"
    return html.button("Delete", "delete", snippet.id, question, "danger")


def versions_html(query: Mapping[str, str]) -> str:
    """The versions of the open snippet, the newest first, a page of them at a time; and which two to compare."""
    snippet_id = query.get("snippet", "")
    newest = snippets.newest_numbers([snippet_id]).get(snippet_id, 0)
    place = pager.place_of(query, MOST_VERSIONS, newest, VERSIONS_PAGE)
    try:
        versions = snippets.versions(snippet_id, place.size, place.offset) if newest else []
    except TunesmithError:
        return ""  # the head says it
    if not versions:
        return ""
    open_number = query.get("version") or str(newest)
    items = html.join(_version(snippet_id, version, str(version.number) == open_number) for version in versions)
    listed = Markup('<ol class="cd-list">{}</ol>').format(items)
    return str(html.card("Versions", listed, _pages_of_versions(query, place), _compare(query, newest)))


def _pages_of_versions(query: Mapping[str, str], place: pager.Place) -> Markup:
    """The rest of the address stays: what is open and compared, the list of snippets."""
    carried = {name: value for name, value in query.items() if name in CARRIED and value}
    return pager.pager(
        place, lambda offset: f"/code?{urlencode({**carried, VERSIONS_PAGE: offset // place.size + 1})}", "versions"
    )


def _version(snippet_id: str, version: VersionLine, is_open: bool) -> Markup:
    number = version.number
    before = html.link("changes", address(snippet_id, **{"from": number - 1, "to": number}), soft=True)
    about = [html.moment(version.created_at), *(marks.shown(t, MOST_TITLE) for t in (version.model, version.note) if t)]
    return Markup(
        '<li{}><div><b>{}</b> {} <small>{}</small></div>{}<small>{}</small></li>'
    ).format(
        Markup(' aria-current="true"') if is_open else "", number, action_words(version.action),
        before if number > 1 else "", html.button("Open", "open", str(number)), Markup(" · ").join(about),
    )  # fmt: skip


def action_words(action: str) -> str:
    return ACTIONS[action].title if action in ACTIONS else OTHER_ACTIONS.get(action, "Saved")


def _compare(query: Mapping[str, str], newest: int) -> Markup:
    """A choice of two versions; the last two, until others are chosen."""
    if newest < 2:
        return Markup()
    before, after = versions_view.pair_of(query) or (newest - 1, newest)
    return Markup(
        '<form class="cd-compare" data-query>{}{}<button class="ts-button">Show changes</button></form>'
    ).format(_number("from", "From", newest, before), _number("to", "to", newest, after))


def _number(name: str, label: str, newest: int, chosen: int) -> Markup:
    return Markup(
        '<label>{} <input class="ts-input" type="number" inputmode="numeric" required min="1" max="{}" name="{}" '
        'value="{}"></label>'
    ).format(label, newest, name, chosen)


def diff_html(query: Mapping[str, str]) -> str:
    """The two versions that the address compares; nothing where it names none."""
    pair = versions_view.pair_of(query)
    if pair is None or not query.get("snippet"):
        return ""
    close = html.link("Close", address(query["snippet"]), soft=True)
    try:
        body = versions_view.diff_html(snippets.diff(query["snippet"], *pair))
    except TunesmithError as error:
        body = html.notice(error.message, "", "warn")
    return str(html.card(f"What changed from version {pair[0]} to {pair[1]}", body, aside=close))


def snippets_html(query: Mapping[str, str]) -> str:
    """All snippets of the project by name, searched, a page of them at a time."""
    words, project_id = query.get("q", ""), query["project"]
    place = pager.place_of(query, MOST_LISTED, snippets.count(words, project_id))
    page_of_snippets = snippets.find(words, place.size, place.offset, project_id)
    deleted = undo.bar(Snippet, project_id, has_files=False)
    if not page_of_snippets and not words:
        return str(deleted)
    numbers = snippets.newest_numbers([snippet.id for snippet in page_of_snippets])
    items = html.join(_snippet(snippet, numbers.get(snippet.id, 0), query.get("snippet") == snippet.id)
                      for snippet in page_of_snippets)  # fmt: skip
    listed = Markup('<ul class="cd-list">{}</ul>').format(items) if page_of_snippets else _none(words)
    carried = {name: query[name] for name in ("snippet", "version", VERSIONS_PAGE, "q") if query.get(name)}
    pages = pager.pager_by_page(place, "/code", "snippets", **carried)
    return str(deleted + html.card("Snippets", _search(words), listed, pages))


def _search(words: str) -> Markup:
    return Markup(
        '<form class="cd-search" data-query data-forget="page"><input class="ts-input" type="search" name="q" '
        'value="{}" placeholder="Name, task or code" aria-label="Search snippets" autocomplete="off">'
        '<button class="ts-button">Search</button></form>'
    ).format(words)


def _none(words: str) -> Markup:
    return Markup('<p class="ts-note">No snippet has “{}” in it.</p>').format(marks.shown(words, MOST_TITLE))


def _snippet(snippet: Snippet, number: int, is_open: bool) -> Markup:
    facts = [snippet.language, "1 version" if number == 1 else f"{number} versions"]
    link = html.link(marks.shown(snippet.name, MOST_TITLE), address(snippet.id))
    return Markup("<li{}><div>{}</div><small>{}</small><small>{}</small></li>").format(
        Markup(' aria-current="true"') if is_open else "", link, html.moment(snippet.updated_at), " · ".join(facts)
    )
