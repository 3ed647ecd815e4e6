"""Notifications over REST: who is told what, where, and what became of it."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body, Limit, Offset, RowId, total
from engine.notifications import settings as notifications
from engine.notifications import trying
from engine.notifications.mail import Security
from engine.notifications.settings import Settings
from engine.notifications.sink import Service
from storage import db
from storage.outgoing import notices, outbox

router = APIRouter(prefix="/notifications", tags=["notifications"])


class SinkStateAnswer(Answer):
    to: str = Field(description="Where it goes, without what is secret.")
    secrets: list[str] = Field(description="Which secrets are kept: url, secret, token, password.")
    last: str | None = Field(description="How the last message went: sent, waiting (for another try), failed.")
    outcome: str = Field(description="What came back then.")
    at: float | None = Field(description="When, in seconds since 1970, UTC.")


class SinkAnswer(Answer):
    id: str = Field(description="The sink's id.")
    name: str = Field(description="Its name.")
    service: Service = Field(description="What takes the messages.")
    kinds: list[str] = Field(description="What it is told.")
    enabled: bool = Field(description="Whether anything is sent.")
    host: str | None = Field(default=None, description="E-mail: the SMTP server.")
    port: int | None = Field(default=None, description="E-mail: its port, if not the usual one.")
    security: Security | None = Field(default=None, description="E-mail: starttls, tls or none.")
    username: str | None = Field(default=None, description="E-mail: who logs in.")
    password_env: str | None = Field(default=None, description="E-mail: the variable that holds the password.")
    sender: str | None = Field(default=None, description="E-mail: from whom.")
    recipients: list[str] | None = Field(default=None, description="E-mail: to whom.")
    state: SinkStateAnswer = Field(description="Read only; may be sent back.")


class NotificationsAnswer(Answer):
    """What is set, in the shape that PUT takes. Secrets are never shown."""

    in_app: list[str] = Field(description="Kinds that the window's list shows.")
    browser: list[str] = Field(description="Kinds for which an open window may notify through the browser.")
    sinks: list[SinkAnswer] = Field(description="The places outside, the oldest first.")
    allow_private: bool = Field(description="Whether messages may go to this machine and to private networks.")
    address: str = Field(description="Address of this studio, for links in messages.")
    disk_low_gb: float = Field(description="Free gigabytes below which the disk counts as nearly full.")


class ChangedAnswer(NotificationsAnswer):
    made: dict[str, str] = Field(description="Signing secrets made just now, by sink id. They are shown this once.")


class NoticeAnswer(Answer):
    id: int = Field(description="Its number.")
    kind: str = Field(description="finished, failed, interrupted, resumed, stuck, best or disk_low.")
    run_id: str | None = Field(description="The run it is about.")
    title: str = Field(description="What happened, in a line.")
    text: str = Field(description="More about it.")
    at: float = Field(description="Seconds since 1970, UTC.")
    read_at: float | None = Field(description="When it was marked as read.")


class DeliveryAnswer(Answer):
    message_id: str = Field(description="The same at every try; a webhook has it as `webhook-id`.")
    sink_id: str = Field(description="Where it goes.")
    sink: str = Field(description="Name of that sink.")
    kind: str = Field(description="What it is about.")
    title: str = Field(description="Its first line.")
    state: str = Field(description="waiting, sending, sent or failed.")
    attempts: int = Field(description="Tries so far, at most four.")
    outcome: str = Field(description="What came back from the last one.")
    due_at: float = Field(description="When the next try is due, while it waits.")
    ended_at: float | None = Field(description="When it was sent or given up.")


class TrySinkBody(Body):
    sink_id: RowId | None = Field(default=None, description="One sink. All that are enabled if left out.")


class TriedSinkAnswer(Answer):
    sink_id: str = Field(description="The sink.")
    name: str = Field(description="Its name.")
    service: str = Field(description="Its service.")
    ok: bool = Field(description="Whether it took the message.")
    outcome: str = Field(description="What came back, in words.")


class ReadBody(Body):
    id: int | None = Field(default=None, ge=1, description="One notification. All if left out.")


@router.get("", summary="Notification settings", response_model=NotificationsAnswer, response_model_exclude_none=True)
def show_notifications() -> dict[str, Any]:
    """Who is told what and where, without secrets. PUT takes this very answer back."""
    return notifications.show()


@router.put("", summary="Change notification settings", response_model=ChangedAnswer, responses=NOT_FOUND)
def change_notifications(body: Settings) -> dict[str, Any]:
    """Changes what is given. Of `sinks` the whole list is given; a secret that is left out stays as it is."""
    made = notifications.change(body)
    return {**notifications.show(), "made": made}


@router.post("/test", summary="Send a test message", responses=NOT_FOUND | CONFLICT)
def try_notifications(body: TrySinkBody | None = None) -> list[TriedSinkAnswer]:
    """Sends a message at once, and says what came back from each sink."""
    return [TriedSinkAnswer.model_validate(one) for one in trying.try_sinks(body.sink_id if body else None)]


@router.get("/log", summary="Log of deliveries")
def show_deliveries(response: Response, offset: Offset = 0, limit: Limit = 100) -> list[DeliveryAnswer]:
    """What was sent where, the newest first, with what came back. `X-Total-Count` says how many there are."""
    with db.reading() as session:
        total(response, outbox.count(session))
        entries = outbox.newest(session, limit, offset)
    return [
        DeliveryAnswer(**{**vars(sent), "sink": sink.name, "kind": told.kind, "title": told.title})
        for sent, told, sink in entries
    ]


@router.get("/list", summary="List notifications", response_model=list[NoticeAnswer])
def list_notifications(response: Response, offset: Offset = 0, limit: Limit = 100) -> Any:
    """What happened, the newest first, as the window's list shows it. `X-Total-Count` says how many there are."""
    with db.reading() as session:
        total(response, notices.count(session))
        return notices.newest(session, limit, offset)


@router.post("/read", status_code=204, summary="Mark notifications as read")
def read_notifications(body: ReadBody | None = None) -> None:
    """Marks one notification as read, or all."""
    with db.session() as session:
        notices.mark_read(session, body.id if body else None)
