"""Aliases: words such as `production` that lead to a version. To move one is to promote, or to roll back.

A move is compare-and-set: who looked before somebody else moved it is told so, and nothing changes. Every move has a
reason and stands in the log. A gate lets a move through only if the first report on the version's run says so.
"""

import time
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session

from engine import names
from engine.errors import ConflictError, NotFoundError, RefusedError
from engine.registry import following, gates, manifests, registered, versions
from storage import db, registry
from storage.tables import ModelAlias, ModelVersion, RegisteredModel, RegistryMove

MOST_REASON = 500


@dataclass(frozen=True)
class Moved:
    """What a move has done."""

    alias: str
    before: int | None  # numbers of versions
    after: int
    gate: dict[str, Any] | None = None
    endpoints: list[dict[str, Any]] = field(default_factory=list)  # that follow it, as engine.registry.following has it


@dataclass(frozen=True)
class Promotion:
    """A move that is wanted. `expected` is the version that the caller saw the alias lead to; 0 for none."""

    version: int
    why: str
    who: str = ""
    expected: int | None = None
    gate: gates.Gate | None = None


def move(name: str, alias: str, promotion: Promotion) -> Moved:
    """Makes an alias lead to a version, and deploys it to the endpoints that follow the alias.

    Raises RefusedError, NotFoundError, and ConflictError when somebody has moved it meanwhile or the gate does not let
    it through.
    """
    names.in_address(alias, "alias")
    reason = _reason(promotion.why)
    with db.reading() as session:
        model = registered.found(session, name)
        version = versions.found(session, model, promotion.version)
        before = _leads_to(session, model, alias)
    before_number = before.number if before else None
    if promotion.expected is not None and promotion.expected != (before_number or 0):
        raise _lost(name, alias, before)
    gate_result = gates.check(name, version, promotion.gate)
    if before is None or before.id != version.id:
        following.refuse(model, alias, version)
        entry = RegistryMove(
            registered_id=model.id, action="moved", alias=alias, who=promotion.who, why=reason, gate=gate_result
        )
        _move(model, version, before, entry)
    return Moved(alias, before_number, version.number, gate_result, following.deploy_all(model, alias))


def _move(model: RegisteredModel, version: ModelVersion, before: ModelVersion | None, entry: RegistryMove) -> None:
    """The move with its line in the log, unless somebody else was faster. Raises ConflictError."""
    entry.before, entry.after = before.number if before else None, version.number
    led = ModelAlias(registered_id=model.id, alias=entry.alias, version_id=version.id)
    with db.session() as session:
        versions.found(session, model, version.number)  # it may have been deleted in this instant
        if not registry.move_alias(session, model.id, entry.alias, before.id if before else None, led):
            raise _lost(model.name, entry.alias, _leads_to(session, model, entry.alias))
        session.add(entry)
        session.get_one(RegisteredModel, model.id).updated_at = time.time()
    manifests.write_model(model.id)


def _reason(why: str) -> str:
    reason = registered.checked_note(why, "reason")
    if not reason:
        raise RefusedError("A move needs a reason.", "Say in a few words why: the log keeps it.")
    if len(reason) > MOST_REASON:
        raise RefusedError(f"The reason has {len(reason):,} characters.", f"Use at most {MOST_REASON}.")
    return reason


def _leads_to(session: Session, model: RegisteredModel, alias: str) -> ModelVersion | None:
    led = registry.alias(session, model.id, alias)
    return None if led is None else session.get_one(ModelVersion, led.version_id)


def _lost(name: str, alias: str, now: ModelVersion | None) -> ConflictError:
    leads = f"leads to version {now.number} now" if now else "leads nowhere now"
    return ConflictError(
        f"The alias `{alias}` of `{name}` {leads}: somebody else has moved it.", "Look, and try again."
    )


def roll_back(name: str, alias: str, why: str, *, who: str = "") -> Moved:
    """Moves an alias back to where it led before its last move. Raises ConflictError when there is no such version."""
    with db.reading() as session:
        model = registered.found(session, name)
        now = _leads_to(session, model, alias)
        last = registry.last_move(session, model.id, alias)
    if now is None:
        raise _no_alias(name, alias)
    if last is None or last.before is None:
        raise ConflictError(
            f"The alias `{alias}` of `{name}` has never led to another version.", "There is nothing to go back to."
        )
    return move(name, alias, Promotion(last.before, why, who, expected=now.number))


def remove(name: str, alias: str, *, who: str = "", why: str = "") -> None:
    """Takes an alias away. Raises NotFoundError; ConflictError while an endpoint follows it."""
    reason = registered.checked_note(why, "reason")
    with db.session() as session:
        model = registered.found(session, name)
        led = registry.alias(session, model.id, alias)
        if led is None:
            raise _no_alias(name, alias)
        if followers := registry.followers(session, model.id, alias):
            endpoints = ", ".join(f"`{endpoint.name}`" for _, endpoint in followers)
            message = f"The alias `{alias}` of `{name}` is in use: the endpoint {endpoints} follows it."
            raise ConflictError(message, "Make the endpoint follow nothing, or delete it, first.")
        number = session.get_one(ModelVersion, led.version_id).number
        session.delete(led)
        entry = RegistryMove(registered_id=model.id, action="removed", alias=alias, before=number, who=who, why=reason)
        session.add(entry)
    manifests.write_model(model.id)


def _no_alias(name: str, alias: str) -> NotFoundError:
    return NotFoundError(f"The model `{name}` has no alias `{alias:.60}`.", "GET /api/registry/NAME lists them.")


def log(name: str, limit: int = 100, offset: int = 0) -> tuple[list[RegistryMove], int]:
    """The lines of a model's log, the newest first, and how many there are. Raises NotFoundError."""
    with db.reading() as session:
        model = registered.found(session, name)
        return list(registry.log(session, model.id, limit, offset)), registry.count_log(session, model.id)
