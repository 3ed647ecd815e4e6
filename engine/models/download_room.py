"""Whether a model of the hub finds room on the disk: asked before a download, and by the download itself."""

from engine.sizes import in_words

SPARE_BYTES = 500_000_000  # left free on the disk after a download


def lacking(repo_id: str, total_bytes: int, present_bytes: int, free_bytes: int) -> tuple[str, str] | None:
    """Why it finds none, and what to do; None when it does. `present_bytes` have arrived already."""
    if total_bytes - present_bytes + SPARE_BYTES <= free_bytes:
        return None
    need = f"{repo_id} needs {in_words(total_bytes)} of disk, with {in_words(SPARE_BYTES)} to spare"
    return f"{need}; {in_words(free_bytes)} is free.", "Delete runs or models that are no longer needed, then retry."
