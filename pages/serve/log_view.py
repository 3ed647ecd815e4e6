"""What an endpoint's processes say: what went wrong, where the card does not say it, and the end of their log."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from engine.serve import printed
from pages.parts import html, live
from storage import db
from storage import endpoints as stored
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint


def log_html(query: Mapping[str, str]) -> str:
    """The logs of what answers and of what was deployed after it, the newest first."""
    with db.reading() as session:
        endpoint = stored.get(session, query.get("endpoint", ""))
        rows = stored.current_backends(session, [endpoint.id])[endpoint.id] if endpoint else []
    if endpoint is None:
        return str(html.notice("This endpoint is gone.", "Reload the page."))
    parts = [part for backend in _with_logs(rows) if (part := _log(endpoint, backend, len(rows) > 1))]
    return str(html.join(parts) or Markup('<p class="ts-note">The log is empty.</p>'))


def _with_logs(rows: Sequence[Backend]) -> list[Backend]:
    return [row for row in rows if row.kind != "external"]


def _log(endpoint: Endpoint, backend: Backend, is_one_of_several: bool) -> Markup:
    has_log = printed.log_of(backend.id).exists()
    on_card = backend.id == endpoint.active_backend_id and backend.status != EndpointStatus.READY
    cause = html.notice(backend.error, backend.hint or "") if backend.error and not on_card else ""
    if not has_log and not cause:
        return Markup()
    title = Markup('<h3 class="sv-log-title">{}</h3>').format(_title(endpoint, backend)) if is_one_of_several else ""
    log = live.log_box(backend.id, f"/api/backends/{backend.id}/log") if has_log else ""
    return Markup('<div class="sv-log" data-key="{}">{}{}{}</div>').format(backend.id, title, cause, log)


def _title(endpoint: Endpoint, backend: Backend) -> str:
    if backend.id == endpoint.active_backend_id:
        return "What answers now"
    if backend.status in (EndpointStatus.QUEUED, EndpointStatus.STARTING):
        return "The new version"
    return f"A deployment that is {backend.status}"
