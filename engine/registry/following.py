"""Endpoints that follow an alias: they serve what it leads to, and a promotion is their blue/green deployment.

Whoever moves an alias deploys at once. What was cut off in between, by a kill or by a stopped endpoint that starts
again, is done by `tick`. An endpoint that cannot be deployed keeps what answers, and says why.
"""

import time
from collections.abc import Sequence
from typing import Any

from engine.errors import ConflictError, RefusedError, TunesmithError
from engine.existing import existing
from engine.process import logs
from engine.registry import manifests, serving
from engine.serve import endpoints
from engine.serve.takeover import deployment
from engine.subjects import named
from engine.subjects import versions as named_versions
from storage import db, registry
from storage import endpoints as stored_endpoints
from storage.statuses import EndpointStatus
from storage.tables import (
    DEFAULT_PROJECT,
    AliasFollower,
    Backend,
    Endpoint,
    ModelAlias,
    ModelVersion,
    RegisteredModel,
    RegistryMove,
)

PATIENCE_SECONDS = 5  # whoever moved the alias deploys; after that it is taken for cut off


def serve(
    endpoint_name: str, subject: str, kind: str | None = None, options: dict[str, Any] | None = None, who: str = ""
) -> Endpoint:
    """A new endpoint for a subject; one named by an alias (version:NAME@ALIAS) follows it from then on.

    `kind` left out: llama for a GGUF file, transformers for everything else. Raises RefusedError, NotFoundError,
    ConflictError.
    """
    if not named_versions.is_one(subject):
        return _serve_weights(endpoint_name, named.find(subject), kind or "transformers", options)
    pinned = named_versions.pinned(subject, takes_gguf=True)
    model = _model_of(pinned.version)
    want = serving.wanted(model.name, pinned.version)
    if want.kind is not None and kind not in (None, want.kind):
        message = f"{pinned.name} is a GGUF file, and the backend {kind} does not read it."
        raise RefusedError(message, f"Leave the backend out, or choose {want.kind}.")
    endpoint = endpoints.create_endpoint(
        endpoint_name,
        want.kind or kind or "transformers",
        want.model_id,
        want.adapters or (),
        {**(options or {}), **(want.options or {})},
        model.project_id or DEFAULT_PROJECT,
    )
    if (alias := _alias(subject)) is not None:
        _enter(endpoint, model, alias, pinned.version.id, who)
    return endpoint


def _serve_weights(endpoint_name: str, weights: named.Named, kind: str, options: dict[str, Any] | None) -> Endpoint:
    adapters = () if weights.run is None else (weights.name,)
    model_id = weights.base.id if weights.run is None else None
    project_id = weights.run.project_id if weights.run else DEFAULT_PROJECT
    return endpoints.create_endpoint(endpoint_name, kind, model_id, adapters, options, project_id)


def follow(endpoint_id: str, subject: str, who: str = "") -> AliasFollower:
    """Has an endpoint serve what an alias leads to, now and after each move. Raises as `serve` does."""
    alias = _alias(subject)
    if alias is None:
        raise RefusedError(f"`{subject:.80}` is not an alias.", "An endpoint follows version:NAME@ALIAS.")
    pinned = named_versions.pinned(subject, takes_gguf=True)
    model = _model_of(pinned.version)
    want = serving.wanted(model.name, pinned.version)
    endpoints.plan_deployment(endpoint_id, want)  # what cannot be served is refused before anything changes
    endpoint = endpoints.look_up(endpoint_id)
    follower = _enter(endpoint, model, alias, None, who)
    if endpoint.stopped_at is None:
        _deploy(follower.endpoint_id, pinned.version.id)
    return _row(endpoint_id)


def unfollow(endpoint_id: str, who: str = "") -> None:
    """The endpoint keeps what it serves, whatever the alias does. Raises NotFoundError, ConflictError."""
    with db.session() as session:
        endpoint = existing(session, Endpoint, endpoint_id)
        follower = session.get(AliasFollower, endpoint_id)
        if follower is None:
            raise ConflictError(f"The endpoint `{endpoint.name}` follows no alias.", "There is nothing to end.")
        model = session.get_one(RegisteredModel, follower.registered_id)
        why = f"the endpoint `{endpoint.name}` does not follow it any more"
        session.add(RegistryMove(registered_id=model.id, action="changed", alias=follower.alias, who=who, why=why))
        session.delete(follower)
    manifests.write_model(model.id)


def _alias(subject: str) -> str | None:
    return subject.strip().partition("@")[2] or None


def _model_of(version: ModelVersion) -> RegisteredModel:
    with db.reading() as session:
        return existing(session, RegisteredModel, version.registered_id)


def _enter(endpoint: Endpoint, model: RegisteredModel, alias: str, version_id: str | None, who: str) -> AliasFollower:
    row = AliasFollower(endpoint_id=endpoint.id, registered_id=model.id, alias=alias, version_id=version_id)
    row.backend_id = endpoint.active_backend_id if version_id else None
    with db.session() as session:
        row = session.merge(row)
        row.error = row.hint = None
        why = f"the endpoint `{endpoint.name}` follows it"
        session.add(RegistryMove(registered_id=model.id, action="changed", alias=alias, who=who, why=why))
    manifests.write_model(model.id)
    return row


def _row(endpoint_id: str) -> AliasFollower:
    with db.reading() as session:
        return session.get_one(AliasFollower, endpoint_id)


def refuse(model: RegisteredModel, alias: str, version: ModelVersion) -> None:
    """Raises RefusedError when an endpoint that follows the alias could not serve this version."""
    with db.reading() as session:
        following = registry.followers(session, model.id, alias)
    for _, endpoint in following:
        try:
            endpoints.plan_deployment(endpoint.id, serving.wanted(model.name, version))
        except TunesmithError as error:
            message = f"The endpoint `{endpoint.name}` follows `{alias}` and cannot serve this version. {error.message}"
            raise RefusedError(message, error.hint) from error


def deploy_all(model: RegisteredModel, alias: str) -> list[dict[str, Any]]:
    """Deploys what the alias leads to now to every endpoint in use that follows it; says how each stands then."""
    with db.reading() as session:
        following = registry.followers(session, model.id, alias)
        led = registry.alias(session, model.id, alias)
    for follower, endpoint in following:
        if led is not None and endpoint.stopped_at is None:
            _deploy(follower.endpoint_id, led.version_id)
    return states(model.id, alias)


def _deploy(endpoint_id: str, version_id: str) -> None:
    """Deploys a version to one endpoint unless it serves it already. What is refused is kept with the follower."""
    with db.reading() as session:
        version, endpoint = session.get_one(ModelVersion, version_id), session.get_one(Endpoint, endpoint_id)
        model = session.get_one(RegisteredModel, version.registered_id)
        newest = next(iter(stored_endpoints.backends(session, endpoint_id)), None)
        active = stored_endpoints.backend(session, endpoint.active_backend_id)
    error, backend_id = None, None
    try:
        want = deployment.as_now(serving.wanted(model.name, version), active)
        if newest is not None and _serves(newest, want, version):
            backend_id = newest.id
        else:
            adapters = want.adapters or ()
            backend_id = endpoints.deploy(endpoint_id, want.kind, want.model_id, adapters, want.options).id
    except TunesmithError as refused:
        error = refused
    with db.session() as session:
        if (row := session.get(AliasFollower, endpoint_id)) is not None:
            row.version_id, row.backend_id = version_id, backend_id
            row.error, row.hint = (error.message, error.hint) if error else (None, None)


def _serves(backend: Backend, want: deployment.Wanted, version: ModelVersion) -> bool:
    """Whether a backend serves just that, or is about to."""
    gone = (EndpointStatus.FAILED, EndpointStatus.STOPPED, EndpointStatus.DRAINING)
    model_id = want.model_id or (version.lineage.get("base") or {}).get("id")
    same = (backend.kind, backend.model_id, list(backend.adapters)) == (want.kind, model_id, list(want.adapters or ()))
    file = (want.options or {}).get("export_id")
    return same and backend.options.get("export_id") == file and backend.status not in gone


def states(registered_id: str, alias: str | None = None) -> list[dict[str, Any]]:
    """Each endpoint that follows an alias, and how it stands: serving, deploying, failed, stopped, or other."""
    with db.reading() as session:
        following = registry.followers(session, registered_id, alias)
        led = {row.alias: row.version_id for row in registry.aliases(session, [registered_id])}
        numbers = registry.numbers(session, {row.version_id for row, _ in following if row.version_id})
        backends = {row.endpoint_id: stored_endpoints.backend(session, row.backend_id) for row, _ in following}
    return [
        {
            "endpoint_id": endpoint.id,
            "endpoint": endpoint.name,
            "alias": follower.alias,
            "version": numbers.get(follower.version_id or ""),
            **_state(follower, endpoint, backends[follower.endpoint_id], led.get(follower.alias)),
        }
        for follower, endpoint in following
    ]


def _state(
    follower: AliasFollower, endpoint: Endpoint, backend: Backend | None, led_to: str | None
) -> dict[str, str | None]:
    if endpoint.stopped_at is not None:
        return {"status": "stopped", "error": None, "hint": "It deploys what the alias leads to when it starts again."}
    if follower.error or (backend and backend.status == EndpointStatus.FAILED):
        error = follower.error or (backend.error if backend else None)
        return {"status": "failed", "error": error, "hint": follower.hint or (backend.hint if backend else None)}
    if backend is None or follower.version_id != led_to:
        return {"status": "deploying", "error": None, "hint": None}
    if endpoint.active_backend_id == backend.id:
        is_up = backend.status in (EndpointStatus.READY, EndpointStatus.ASLEEP)
        return {"status": "serving" if is_up else "deploying", "error": None, "hint": None}
    if backend.status in (EndpointStatus.QUEUED, EndpointStatus.STARTING, EndpointStatus.READY):
        return {"status": "deploying", "error": None, "hint": None}
    return {"status": "other", "error": None, "hint": "Something else was deployed to it by hand since."}


def tick() -> None:
    """Deploys what an alias leads to where that was cut off. Called once a second by the reconciler."""
    with db.reading() as session:
        late = registry.behind(session)
    for follower, led in late:
        if _is_due(led):
            with logs.kept_going("endpoints", follower.endpoint_id):
                _deploy(follower.endpoint_id, led.version_id)


def _is_due(led: ModelAlias) -> bool:
    return time.time() - led.moved_at > PATIENCE_SECONDS


def of_endpoints(endpoint_ids: Sequence[str]) -> dict[str, str]:
    """Endpoint id -> what it follows, as version:NAME@ALIAS."""
    with db.reading() as session:
        return dict(registry.followed(session, endpoint_ids))
