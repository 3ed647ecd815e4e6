"""What a page that asks a model shows while none answers."""

from engine.serve import routing
from pages.parts import html
from storage import db, endpoints


def none_answers(starting: str, otherwise: str, address: str, button: str, icon: str) -> str:
    """A notice with the sentence `starting` while a model starts, else an empty state; "" once one answers."""
    if routing.served_models():
        return ""
    with db.reading() as session:
        is_starting = any(backend.status in ("queued", "starting") for backend in endpoints.moving(session))
    if is_starting:
        return str(html.notice("A model is starting.", starting, "calm"))
    return str(html.empty("No model answers yet", otherwise, address, button, icon))
