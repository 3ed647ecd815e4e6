"""The tab Export: the rows as a file in the form another program reads, and the way to the hub."""

from collections.abc import Mapping

from markupsafe import Markup

from engine.data import export
from engine.errors import RefusedError
from engine.process import work
from engine.rows.export.file import File, Packed
from engine.rows.export.forms import Form
from pages.data import push
from pages.parts import fields, html
from pages.parts.log_link import log_link
from storage.statuses import WORK_MOVING, WorkStatus
from storage.tables import Dataset, Work

LABEL = "Export"
MOST_LISTED = 20
_FILES: dict[str, tuple[str, File, Packed]] = {
    "jsonl": ("JSON Lines", "jsonl", ""),
    "jsonl.gz": ("JSON Lines, gzip", "jsonl", "gz"),
    "jsonl.zst": ("JSON Lines, zstd", "jsonl", "zst"),
    "parquet": ("Parquet", "parquet", ""),
}


def html_of(dataset: Dataset, query: Mapping[str, str]) -> Markup:
    """All of the tab."""
    return Markup('<div class="dt-export">{}{}</div>').format(_export(dataset), push.html_of(dataset, query))


def _export(dataset: Dataset) -> Markup:
    forms = export.forms(dataset)
    form = fields.form(
        "export",
        dataset.id,
        "Export",
        fields.select("form", "Form", [(form.name, form.label) for form in forms]),
        fields.select("file", "File", [(name, file_type[0]) for name, file_type in _FILES.items()]),
    )
    kind = dataset.kind
    descriptions = html.join(
        Markup("<li><b>{}</b> {} <span>{}</span></li>").format(
            listed_form.label, listed_form.about, _loss(listed_form, kind)
        )
        for listed_form in forms
    )
    exports = [_export_item(dataset.id, job) for job in work.about(dataset.id, export.KIND)[:MOST_LISTED]]
    export_list = Markup('<ol class="dt-exports">{}</ol>').format(html.join(exports)) if exports else ""
    return html.card("Download", Markup('<ul class="dt-forms">{}</ul>').format(descriptions), form, export_list)


def _loss(form: Form, kind: str | None) -> str:
    return next(
        (loss for lossy_kind, loss in form.loses.items() if lossy_kind == kind),
        "Imported again, the rows are the same.",
    )


def _export_item(dataset_id: str, job: Work) -> Markup:
    file = next(name for name, (_, file, packed) in _FILES.items() if (file, packed) == _file_type(job))
    label = f"{export.form_label(str(job.spec['form']))}, {_FILES[file][0]}"
    if job.status in WORK_MOVING:
        state: object = html.progress(job.progress, f"Exporting {label}")
    elif job.status == WorkStatus.SUCCEEDED:
        href = f"/api/datasets/{dataset_id}/export/{job.id}/file"
        state = Markup('<a class="ts-button" href="{}" download>Download</a>').format(href)
    else:
        state = html.badge(job.status, job.error or "")
    log = log_link(job.id, f"export as {label}")
    return Markup("<li><div><b>{}</b><small>{} · {}</small></div><div>{}</div></li>").format(
        label, _facts(job), log, state
    )


def _file_type(job: Work) -> tuple[str, str]:
    return str(job.spec["file"]), str(job.spec["packed"])


def _facts(job: Work) -> Markup:
    if job.status != WorkStatus.SUCCEEDED:
        return Markup("{}").format(job.error or job.stage)
    left_out = int(job.result.get("left_out", 0))
    parts = [f"{html.count(int(job.result['rows']))} rows", html.size(int(job.result["bytes"]))]
    parts += [f"{html.count(left_out)} did not fit and were left out"] if left_out else []
    return Markup("{} · {}").format(" · ".join(parts), html.moment(job.ended_at))


def _act_export(id: str, values: Mapping[str, str], _project: str) -> None:
    if values.get("file") not in _FILES:
        raise RefusedError(f"{values.get('file', '')!r} is not a file type.", "Choose one from the list.")
    _, file, packed = _FILES[values["file"]]
    export.start(id, values.get("form", ""), file, packed)


ACTS = {"export": _act_export, **push.ACTS}
