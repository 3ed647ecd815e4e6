"""What the trackers of a run have got so far, and where a person finds it there."""

from markupsafe import Markup

from engine.runs import tracking
from engine.runs.tracking import Delivery
from pages.parts import html
from storage.tables import Run


def card(run: Run) -> Markup:
    """Nothing for a run that reports nowhere."""
    found = tracking.deliveries(run)
    if not found:
        return Markup()
    return html.card("Trackers", html.facts([(one.tracker, _words(one)) for one in found]))


def _words(one: Delivery) -> Markup:
    numbers = f"{one.points:,} numbers"
    said = f"has all {numbers}" if one.finished and not one.error else f"has {numbers}"
    trouble = Markup("<br>Cannot be reached at the moment: {}").format(one.error) if one.error else Markup()
    where = Markup("<br>{}").format(_where(one.where)) if one.where else Markup()
    return Markup("{}{}{}").format(said, where, trouble)


def _where(where: str) -> Markup:
    if where.startswith(("http://", "https://")):
        return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(where, where)
    return Markup("<code>{}</code>").format(where)
