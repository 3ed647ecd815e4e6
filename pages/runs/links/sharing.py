"""The button that gives away a live link to a run. The browser makes the link over REST, so nobody else sees it."""

from markupsafe import Markup

from storage.tables import Run


def button(run: Run) -> Markup:
    """A button with a menu; what is in it is kept by app/static/links.js."""
    return Markup(
        '<details class="lk-share" data-menu data-key="share-{}"><summary class="ts-button">Live link</summary>'
        '<div class="ts-menu"><ts-links data-keep id="links-{}" run="{}"></ts-links></div></details>'
    ).format(run.id, run.id, run.id)
