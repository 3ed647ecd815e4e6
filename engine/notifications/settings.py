"""What is set for notifications: who is told what, and where. Secrets go into their file, all else into rows."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from engine.errors import NotFoundError, RefusedError
from engine.notifications import others, secret_file, signing
from engine.notifications.announcing import default_state, state_of
from engine.notifications.kinds import Kind
from engine.notifications.secret_file import Secrets
from engine.notifications.sink import MOST_SINKS, Sink, check, place
from storage import db
from storage.outgoing import notices, outbox, sinks
from storage.tables import Delivery, NotificationSink, new_id

MOST_KEPT = 1000  # notifications, with their deliveries
_ADDRESS = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")


class Settings(BaseModel):
    """What may be changed; what is left out stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    in_app: list[Kind] | None = Field(default=None, max_length=20, description="Kinds that the window's list shows.")
    browser: list[Kind] | None = Field(
        default=None, max_length=20, description="Kinds for which an open window that may notifies through the browser."
    )
    sinks: list[Sink] | None = Field(
        default=None, max_length=MOST_SINKS, description="All places outside; one that is not in the list is deleted."
    )
    allow_private: bool | None = Field(
        default=None, description="Whether messages may go to this machine and to private networks."
    )
    address: str | None = Field(
        default=None, max_length=300, description="Address of this studio, for links in messages; empty for no links."
    )
    disk_low_gb: float | None = Field(
        default=None, ge=0, le=1e6, description="Free gigabytes below which the disk counts as nearly full."
    )


def show() -> dict[str, Any]:
    """Everything that is set, as `PUT` takes it, without secrets."""
    with db.reading() as session:
        state = notices.state(session) or default_state()
        rows = list(sinks.all_sinks(session))
        last = {row.id: outbox.last_of(session, row.id) for row in rows}
    secrets = secret_file.read()
    shown = [_shown(row, secrets.get(row.id, {}), last[row.id]) for row in rows]
    values = ("in_app", "browser", "allow_private", "address", "disk_low_gb")
    return {**{name: getattr(state, name) for name in values}, "sinks": shown}


def _shown(row: NotificationSink, secrets: Secrets, last: Delivery | None) -> dict[str, Any]:
    state = {
        "to": place(row.service, row.options, secrets.get("url", "")),
        "secrets": sorted(secrets),
        "last": None if last is None else last.state,
        "outcome": "" if last is None else last.outcome,
        "at": None if last is None else last.ended_at or last.begun_at,
    }
    options = {name: value for name, value in row.options.items() if value is not None}
    plain = {"id": row.id, "name": row.name, "service": row.service, "kinds": row.kinds, "enabled": row.enabled}
    return {**plain, **options, "state": state}


def change(settings: Settings) -> dict[str, str]:
    """Changes what is given; all of it or nothing. Returns the signing secrets that were made, by sink id.

    Raises RefusedError, NotFoundError for a sink that is gone.
    """
    address = _checked_address(settings.address)
    with db.reading() as session:
        state = notices.state(session) or default_state()
        rows = {row.id: row for row in sinks.all_sinks(session)}
    allow_private = state.allow_private if settings.allow_private is None else settings.allow_private
    secrets, made = _secrets(settings.sinks, rows, allow_private)
    if settings.sinks is not None:
        # The addresses come first: a sink without its address would fail, an address without its sink does nothing.
        secret_file.write(secret_file.read() | secrets)
    with db.session() as session:
        state = state_of(session)
        values = settings.model_dump(include={"in_app", "browser", "allow_private", "disk_low_gb"}, exclude_none=True)
        for name, value in {**values, **({} if address is None else {"address": address})}.items():
            setattr(state, name, value)
        if settings.sinks is not None:
            _write_sinks(session, dict(zip(secrets, settings.sinks, strict=True)))
    if settings.sinks is not None:
        secret_file.write(secrets)
    return made


def _checked_address(address: str | None) -> str | None:
    text = None if address is None else address.strip().rstrip("/")
    if text and (not _ADDRESS.fullmatch(text) or not text.isprintable()):
        raise RefusedError(
            f"{address!r:.80} cannot be the address of the studio.", "Write it as in https://studio.example.org."
        )
    return text


def _secrets(
    sinks_given: Sequence[Sink] | None, rows: dict[str, NotificationSink], allow_private: bool
) -> tuple[dict[str, Secrets], dict[str, str]]:
    """The secrets that will hold, by sink id, in the order of the sinks; and those that were made here."""
    known, secrets, made = secret_file.read(), {}, {}
    for sink in sinks_given or ():
        if sink.id is not None and sink.id not in rows:
            raise NotFoundError(f"There is no sink `{sink.id}`.", "GET /api/notifications lists them.")
        if sink.id in secrets:
            raise RefusedError(f"Sink `{sink.id}` is there twice.", "Leave one out.")
        sink_id = sink.id or new_id()
        if sink.service == "apprise":
            others.refuse_missing()
        kept = known.get(sink_id, {}) if sink.id and rows[sink.id].service == sink.service else {}
        secrets[sink_id] = kept | sink.secrets()
        if sink.service == "webhook" and "secret" not in secrets[sink_id]:
            made[sink_id] = secrets[sink_id]["secret"] = signing.new_secret()
        check(sink, secrets[sink_id], allow_private)
    return secrets, made


def _write_sinks(session: Session, sinks_given: dict[str, Sink]) -> None:
    rows = {row.id: row for row in sinks.all_sinks(session)}
    for sink_id in rows.keys() - sinks_given.keys():
        session.delete(rows[sink_id])
    for sink_id, sink in sinks_given.items():
        row = rows.get(sink_id) or NotificationSink(id=sink_id, name=sink.name, service=sink.service)
        row.name, row.service, row.enabled = " ".join(sink.name.split()), sink.service, sink.enabled
        row.kinds, row.options = list(dict.fromkeys(sink.kinds)), sink.options()
        session.add(row)
        if not sink.enabled:
            outbox.drop_waiting(session, sink_id)


def set_sinks(sinks_given: Sequence[Sink]) -> dict[str, str]:
    """Changes the sinks alone."""
    return change(Settings(sinks=list(sinks_given)))


def as_sinks() -> list[Sink]:
    """The sinks there are, to be changed and set again."""
    return [Sink.model_validate(shown) for shown in show()["sinks"]]


def tidy() -> None:
    """Drops the oldest notifications, with their deliveries."""
    with db.reading() as session:
        too_many = notices.count_all(session) > MOST_KEPT
    if too_many:
        with db.session() as session:
            notices.drop_old(session, MOST_KEPT)
