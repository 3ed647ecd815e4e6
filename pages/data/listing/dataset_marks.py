"""A dataset in short: where it came from, its status, the button that deletes it."""

from markupsafe import Markup

from pages.parts import html
from storage.statuses import DatasetStatus
from storage.tables import Dataset


def origin_words(dataset: Dataset) -> str:
    """Where its rows came from, and which version they are."""
    version = f"version {dataset.version}" if dataset.version > 1 else ""
    return " · ".join(filter(None, (version, dataset.source_name)))


def status_mark(dataset: Dataset) -> Markup:
    bar = (
        html.progress(dataset.progress, f"Importing {dataset.name}")
        if dataset.status == DatasetStatus.IMPORTING
        else ""
    )
    return Markup('<div class="da-status">{}{}</div>').format(html.badge(dataset.status, dataset.error or ""), bar)


def delete_button(dataset: Dataset) -> Markup:
    """Of a version that has earlier ones, it says that they stay."""
    what = f"version {dataset.version} of {dataset.name}" if dataset.version > 1 else f"the dataset {dataset.name}"
    stays = "earlier versions and your own file stay" if dataset.version > 1 else "your own file stays"
    question = f"Delete {what}? Its rows are removed from the studio; {stays}. You can undo it for 30 seconds."
    return html.button("Delete", "delete", dataset.id, question, "danger")
