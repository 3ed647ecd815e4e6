"""What the trackers of a run have got so far, and where a person finds it there."""

from markupsafe import Markup

from engine.runs import tracking
from engine.runs.tracking import Delivery
from pages.parts import html
from storage.tables import Run


def card(run: Run) -> Markup:
    """Nothing for a run that reports nowhere."""
    deliveries = tracking.deliveries(run)
    if not deliveries:
        return Markup()
    return html.card("Trackers", html.facts([(delivery.tracker, _words(delivery)) for delivery in deliveries]))


def _words(delivery: Delivery) -> Markup:
    numbers = f"{delivery.points:,} numbers"
    count = f"has all {numbers}" if delivery.finished and not delivery.error else f"has {numbers}"
    trouble = Markup("<br>Cannot be reached at the moment: {}").format(delivery.error) if delivery.error else Markup()
    link = Markup("<br>{}").format(_place(delivery.where)) if delivery.where else Markup()
    return Markup("{}{}{}").format(count, link, trouble)


def _place(place: str) -> Markup:
    if place.startswith(("http://", "https://")):
        return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(place, place)
    return Markup("<code>{}</code>").format(place)
