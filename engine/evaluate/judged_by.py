"""What decides whether a training helped, named before it starts."""

from storage.tables import Dataset


def measure(dataset: Dataset, method: str) -> str | None:
    """The name of the one measure that decides."""
    return None
