"""All operations of the REST API together, under /api."""

from fastapi import FastAPI, HTTPException, Request, Security
from fastapi.security import HTTPBearer
from starlette.routing import compile_path

from app.answers import errors
from app.api import (
    benchmarks,
    code,
    code_run,
    docs,
    endpoint_adapters,
    endpoint_clients,
    endpoint_life,
    endpoint_parity,
    endpoint_stats,
    endpoints,
    exports,
    health,
    keys,
    lesson,
    logs,
    projects,
    runtimes,
    snippets,
    tuners,
    undo,
    usage,
    words,
)
from app.api.chat import chats
from app.api.chat import links as chat_links
from app.api.chat import opinions as chat_opinions
from app.api.data import datasets, export, hub, mapping, preview, shape, tokens
from app.api.data import health as dataset_health
from app.api.evaluate import comparisons, reports
from app.api.evaluate import files as evaluation_files
from app.api.models import details as model_details
from app.api.models import hub as hub_models
from app.api.models import models
from app.api.notifications import notifications
from app.api.registry import aliases, disk
from app.api.registry import models as registered_models
from app.api.registry import versions as model_versions
from app.api.runs import changes as run_changes
from app.api.runs import compare as run_compare
from app.api.runs import diagnosis as run_diagnosis
from app.api.runs import links as run_links
from app.api.runs import listing as run_listing
from app.api.runs import log as run_log
from app.api.runs import machine as run_machine
from app.api.runs import metrics as run_metrics
from app.api.runs import queue as run_queue
from app.api.runs import runs
from app.api.runs import samples as run_samples
from app.api.runs import script as run_script
from app.api.runs import views as run_views
from app.api.sweeps import estimate as sweep_estimate
from app.api.sweeps import results as sweep_results
from app.api.sweeps import sweeps
from app.api.system import machine as system
from app.api.train import fit, presets, recipes, rows, sky
from app.below import Below

NOUNS = (
    undo,  # before what takes `undo` for an id
    logs,
    models,
    model_details,
    hub_models,
    shape,
    export,
    datasets,
    preview,
    tokens,
    dataset_health,
    hub,
    mapping,
    recipes,
    fit,
    rows,
    presets,
    sky,
    run_compare,
    run_diagnosis,
    run_metrics,
    run_links,
    run_log,
    run_machine,
    run_samples,
    run_script,
    run_queue,
    run_listing,
    run_views,
    run_changes,
    runs,
    sweep_results,
    sweeps,
    sweep_estimate,
    reports,
    evaluation_files,
    comparisons,
    exports,
    endpoint_clients,
    endpoints,
    endpoint_adapters,
    endpoint_life,
    runtimes,
    endpoint_stats,
    benchmarks,
    tuners,
    endpoint_parity,
    chats,
    chat_links,
    chat_opinions,
    code,
    snippets,
    registered_models,
    model_versions,
    aliases,
    disk,
    lesson,
    code_run,
    projects,
    keys,
    usage,
    notifications,
    system,
    words,
)
BELOW = "/api"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

bearer = HTTPBearer(auto_error=False, description="The studio's token, or an API key with scope `all`.")


def install(app: FastAPI) -> None:
    """Adds every operation to `app`, the page that lists them, and answers for paths that are none."""
    api = Below(BELOW)
    api.include_router(health.router)
    for noun in NOUNS:
        api.include_router(noun.router, responses=errors.EVERY_OPERATION, dependencies=[Security(bearer)])
    api.include_router(docs.router)
    errors.install(app)
    api.add_api_route("/{rest:path}", _nothing_here, methods=METHODS, include_in_schema=False)
    api.add_api_route("", _nothing_here, methods=METHODS, include_in_schema=False)
    # The prefix stands here and nowhere else: without one FastAPI looks through all routes for an empty path, which
    # builds each of them for nothing, a tenth of the start.
    app.include_router(api, prefix=BELOW)


async def _nothing_here(request: Request) -> None:
    """The window's mount would answer for these otherwise. A known path with a wrong method says so."""
    allowed = [
        verb.upper()
        for path, operations in request.app.openapi()["paths"].items()
        if compile_path(path)[0].match(request.url.path)
        for verb in operations
    ]
    if allowed:
        raise HTTPException(405, f"{request.method} is not possible here.", {"Allow": ", ".join(allowed)})
    raise HTTPException(404, f"There is no operation at {request.url.path:.200}.")
