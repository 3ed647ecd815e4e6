"""The button that shares a run or a chat by a link. The browser makes the link over REST, so nobody else sees it."""

from markupsafe import Markup

from storage.tables import Chat, Run


def button(shared: Run | Chat) -> Markup:
    """A button with a menu; what is in it is kept by app/static/links.js."""
    kind, label = ("run", "Live link") if isinstance(shared, Run) else ("chat", "Share")
    return Markup(
        '<details class="lk-share" data-menu data-key="share-{id}"><summary class="ts-button">{label}</summary>'
        '<div class="ts-menu"><ts-links data-keep id="links-{id}" kind="{kind}" of="{id}"></ts-links></div></details>'
    ).format(id=shared.id, kind=kind, label=label)
