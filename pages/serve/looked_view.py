"""What a look at a server somewhere else has found: who answers there, and its models to choose from."""

from engine.serve.outside_look import Look
from pages.parts import html


def choices(seen: Look) -> list[tuple[str, str]]:
    """The models of the server, with how much each reads."""
    return [(_choice(model.id, model.context), model.id) for model in seen.models]


def _choice(id: str, context: int | None) -> str:
    return f"{id}, {context:,} tokens" if context else id


def looked_html(seen: Look) -> str:
    """What a look has found, in a line or a few."""
    server = " ".join(part for part in (seen.server, seen.version) if part) or "No server was recognised"
    count = f"{len(seen.models)} models" if len(seen.models) != 1 else "1 model"
    notes = "\n".join(seen.notes)
    if seen.problems:
        return str(html.notice(seen.problems[0], "\n".join([server + ".", notes]).strip(), "bad"))
    return str(html.notice(f"{server}, {count}", notes, "good"))
