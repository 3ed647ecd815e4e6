"""The encoding of a dataset's files on the tab Mapping: what it was read as, others to choose, and samples in doubt."""

from collections.abc import Mapping
from urllib.parse import urlencode

from markupsafe import Markup

from engine.data import importing
from engine.rows.readers import encodings
from pages.parts import fields, html
from storage.tables import Dataset


def chosen(dataset: Dataset, query: Mapping[str, str]) -> str:
    """The encoding that the address asks for, else the one a person has chosen, else the likeliest; "" as found."""
    current = str(dataset.origin.get(importing.ENCODING, ""))
    likeliest = dataset.encodings[0]["encoding"] if dataset.encodings else ""
    asked = query.get("encoding", current)
    return asked if asked in encodings.LABELS else likeliest


def changes(dataset: Dataset, encoding: str) -> bool:
    """Whether the files would be read in another encoding than they were."""
    return encoding != str(dataset.origin.get(importing.ENCODING, ""))


def field_html(dataset: Dataset, encoding: str) -> Markup:
    """The choice in the form; nothing for files that hold no text, and so have no encoding."""
    if dataset.encoding is None and not dataset.encodings and not encoding:
        return Markup()
    labels = [encodings.label(name) for name in (dataset.encoding or "").split(", ") if name]
    by_itself = (
        f"Found: {', '.join(labels)}"
        if labels and not dataset.origin.get(importing.ENCODING)
        else "Find it by the letters"
    )
    choices = {} if dataset.encodings else {"": by_itself}
    return fields.select("encoding", "Encoding", list((choices | encodings.LABELS).items()), encoding)


def candidates_html(dataset: Dataset, encoding: str) -> Markup:
    """Where it is not clear what the files are written in: a piece of the text in each likely encoding."""
    if not dataset.encodings:
        return Markup()
    rows = html.join(_candidate(dataset.id, choice, encoding) for choice in dataset.encodings)
    return Markup(
        '<section class="ts-card dt-encodings"><h3>Which of these reads right?</h3><ul>{}</ul></section>'
    ).format(rows)


def _candidate(dataset_id: str, choice: Mapping[str, str], encoding: str) -> Markup:
    query = urlencode({"dataset": dataset_id, "show": "mapping", "encoding": choice["encoding"]})
    current = Markup(' aria-current="true"') if choice["encoding"] == encoding else ""
    return Markup('<li><a data-soft href="/data?{}"{}><b>{}</b><span>{}</span></a></li>').format(
        query, current, choice["label"], choice["sample"]
    )
