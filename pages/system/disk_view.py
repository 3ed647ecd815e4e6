"""What fills the disk, by kind, with the way to each and to the clean-up."""

from collections.abc import Mapping

from markupsafe import Markup

from engine.registry import disk
from pages.parts import html

CLEAN_UP = "/registry#live-registry-disk"
KINDS = {  # kind of thing, or folder of the home -> what a person calls it, and its page
    "model": ("Models", "/models"),
    "run": ("Runs with their checkpoints", "/runs"),
    "dataset": ("Datasets", "/data"),
    "export": ("Exports", "/runs"),
    "runtimes": ("Runtimes, such as vLLM", "/serve"),
    "cache": ("Caches of model servers", CLEAN_UP),
    "answers": ("Answers kept from reports", CLEAN_UP),
    "downloads": ("Downloads", ""),
    "uploads": ("Uploads", ""),
    "backends": ("Logs of endpoints", "/serve"),
    "work": ("Results of checks and counts", ""),
    "blobs": ("Rows of datasets", "/data"),
    "trash": ("Deleted, being removed", ""),
    "logs": ("Logs of the studio", ""),
    "gradio": ("Uploaded and temporary files", ""),
}


def disk_html(_query: Mapping[str, str]) -> str:
    """The kinds, the largest first. A large home takes some seconds to look through."""
    looked = disk.latest()
    link = html.link_button("Clean up", CLEAN_UP)
    if looked is None:
        return str(
            html.card("What fills the disk", Markup('<p class="ts-note">Measuring the folders.</p>'), aside=link)
        )
    total = sum(looked.kinds.values())
    safe = sum(item.size_bytes for item in looked.removable)
    words = f"{html.size(total)} used by the studio, {html.size(looked.free_bytes)} free."
    removable = f" {html.size(safe)} are safe to remove." if safe else " Nothing to clean up."
    by_size = sorted(looked.kinds.items(), key=lambda pair: -pair[1])
    items = html.join(_kind(kind, size, total) for kind, size in by_size)
    about = Markup('<p class="ts-note">{}{} Seen {}.</p>').format(words, removable, html.ago(looked.at))
    return str(
        html.card("What fills the disk", about, Markup('<ul class="sy-kinds">{}</ul>').format(items), aside=link)
    )


def _kind(kind: str, size: int, total: int) -> Markup:
    title, address = KINDS.get(kind, (kind, ""))
    name = html.link(title, address) if address else Markup("<span>{}</span>").format(title)
    return Markup("<li>{}<small>{}</small>{}</li>").format(
        name, html.size(size), html.progress(size / max(1, total), f"{title}, of what the studio uses", "calm")
    )
