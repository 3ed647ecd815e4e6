"""The way to the log of a piece of work, wherever that is shown: followed live, searched, downloaded."""

from markupsafe import Markup


def log_link(id: str, title: str) -> Markup:
    """A link that opens the log in a dialog (app/static/log.js); opened elsewhere, it is the download.

    `id` is that of the work, or of the evaluation, export or benchmark it is done for; `title` says what it is.
    """
    address = f"/api/work/{id}/log"
    return Markup(
        '<a class="ts-link ts-log-link" href="{}/download" download data-log="{}" data-title="{}"'
        ' aria-label="Log: {}">Log</a>'
    ).format(address, address, title, title)
