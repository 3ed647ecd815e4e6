"""When held-out rows are read while a training goes on. Light: the worker asks this too."""

MOST_BETWEEN = 50  # steps


def evaluated_every(total: int) -> int:
    """Steps between two evaluations of so many, where the recipe says nothing and they take hardly any time."""
    return max(1, min(MOST_BETWEEN, total // 10))
