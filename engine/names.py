"""Names that people give to things."""

from engine.errors import RefusedError


def checked(name: str, thing: str, most: int) -> str:
    """The name with single spaces. Raises RefusedError when it is empty, longer than `most` or cannot be shown."""
    name = " ".join(name.split())
    if not name or len(name) > most or not name.isprintable():
        raise RefusedError(f"A {thing} needs a name.", f"Use 1 to {most} characters.")
    return name
