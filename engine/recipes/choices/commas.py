"""Fields of a recipe that are lists, separated by commas: `exact_match, length`."""


def words(text: str) -> list[str]:
    """What stands between the commas."""
    return [word for part in text.split(",") if (word := part.strip())]


def weights(text: str) -> list[float]:
    """The numbers between the commas. Raises ValueError."""
    return [float(word) for word in words(text)]
