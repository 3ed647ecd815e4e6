"""The rows that a check found, unfolded under its finding: where they stand, what is the matter, which to drop."""

from functools import partial

from markupsafe import Markup

from engine.data import health
from engine.rows.health.check import Check
from engine.rows.health.score import Part
from pages.data import dataset_view, highlights
from pages.parts import html
from pages.parts.pager import Place, pager
from storage.tables import Dataset

ROWS_A_PAGE = 10
DROP = "health-drop"


def rows_html(dataset: Dataset, check: Check, part: Part, offset: int) -> Markup:
    """One page of them, as a form whose ticked rows can be dropped."""
    findings = health.rows(dataset.id, check.name, offset, ROWS_A_PAGE)
    rows = html.join(_row(dataset, check, finding) for finding in findings)
    drop = Markup('<button class="ts-button" type="submit">Drop the ticked rows</button>') if _drops(check) else ""
    return Markup(
        '<form class="dt-found" data-act="{}" data-id="{}" id="found-{}-{}">'
        '<input type="hidden" name="check" value="{}">'
        "<ol>{}</ol><footer>{}{}</footer></form>"
    ).format(DROP, dataset.id, check.name, offset, check.name, rows, drop, _pages(dataset, check, offset, part.found))


def _drops(check: Check) -> bool:
    return check.fix == "drop"


def _row(dataset: Dataset, check: Check, finding: health.FoundRow) -> Markup:
    link = dataset_view.row_link(dataset, finding.position, finding.row)
    checkbox = Markup('<input type="checkbox" name="row-{}" aria-label="Drop row {}">').format(
        finding.position, finding.row.get("row", "")
    )
    return Markup("<li>{}<div><p>{}{}{}</p>{}{}</div></li>").format(
        checkbox if _drops(check) else "",
        link,
        _twin(dataset, finding),
        Markup("<span>{}</span>").format(finding.said) if finding.said else "",
        highlights.excerpts(finding.row, _spans(check, finding)),
        highlights.folded(finding.row),
    )


def _twin(dataset: Dataset, finding: health.FoundRow) -> Markup:
    if finding.twin is None or finding.twin_row is None:
        return Markup()
    return Markup("<span>repeats {}</span>").format(
        dataset_view.row_link(dataset, finding.twin, finding.twin_row, "row")
    )


def _spans(check: Check, finding: health.FoundRow) -> highlights.Spans | None:
    return highlights.differing(finding.row, finding.twin_row) if finding.twin_row else check.spans


def _pages(dataset: Dataset, check: Check, offset: int, total: int) -> Markup:
    return pager(Place(offset, ROWS_A_PAGE, total), partial(address, dataset.id, check.name), "found rows")


def address(dataset_id: str, check: str = "", offset: int = 0) -> str:
    """The tab Health, with the rows of a check unfolded."""
    suffix = f"&check={check}" if check else ""
    return dataset_view.address(dataset_id, "health", offset) + suffix
