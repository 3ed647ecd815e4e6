"""The studio as one ASGI application: guard, REST, gateway, window.

From the outside in: Guard (who are you), AccessLog (what took how long), Lane (a short way to the gateway), GZip,
BodyLimit, NamedPaths (a name in a path becomes an id), EarlyHead, MissingPage, then the routes.
Gradio is mounted last at "/", so it answers for everything that nothing else does.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.gzip import GZipMiddleware

from app import live, metrics, named_paths, routes, sweeper
from app.access_log import AccessLog
from app.api.health import studio_version
from app.door import login
from app.door.access import Access
from app.door.guard import Guard, is_machine
from app.limits import BodyLimit
from app.named_paths import NamedPaths
from app.v1 import card_figures, gateway
from app.v1.fine_tuning import files as tuning_files
from app.v1.fine_tuning import jobs as tuning_jobs
from app.v1.lane import Lane
from app.window import window
from app.window.early_head import EarlyHead
from app.window.missing import MissingPage
from engine.life import life
from engine.serve import figures as serving_figures
from storage.settings import settings

# What is no page of Gradio's, or is whole without our part of the head.
NO_PAGES = ("/login", "/api/", "/live/", "/fragments/")
ABOUT = "Everything the window does, for programs: models, datasets, runs, endpoints, projects and keys."


def create_app(access: Access | None = None, with_window: bool = True, with_engine: bool = True) -> FastAPI:
    """The application. Without the window it starts in a fraction of the time; without the engine nothing moves."""
    current_settings = settings()
    app = FastAPI(
        title="Tunesmith",
        version=studio_version(),
        description=ABOUT,
        openapi_url="/api/openapi.json",
        generate_unique_id_function=lambda route: route.name,  # the function: a verb and its noun, as `stop_run`
        separate_input_output_schemas=False,
        docs_url=None,
        redoc_url=None,
        lifespan=_with_engine if with_engine else None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # /metrics tells; asking for others took time
    )
    app.state.access = access or Access.from_settings(current_settings, current_settings.host, current_settings.port)
    routes.install(app)
    serving_figures.SOURCES["gateway"] = card_figures.of
    for router in (tuning_files.router, tuning_jobs.router, gateway.router):  # the last refuses every other path of /v1
        app.include_router(router, responses={422: {"description": "A field is wrong."}})
    app.include_router(metrics.router)
    app.include_router(login.make_router(lambda: app.state.access))
    app.include_router(live.router)
    if with_window:
        mounted = window.mount(app)
        app.add_middleware(MissingPage, page=mounted.missing, is_machine=is_machine)
        app.add_middleware(EarlyHead, head=mounted.head, kept=mounted.kept, skip=NO_PAGES)
    app.add_middleware(NamedPaths, words=named_paths.words_of(noun.router for noun in routes.NOUNS))
    app.add_middleware(BodyLimit)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(Lane)
    app.add_middleware(AccessLog)
    app.add_middleware(Guard, access=lambda: app.state.access)
    return app


@asynccontextmanager
async def _with_engine(_app: FastAPI) -> AsyncIterator[None]:
    """The engine lives as long as the server. Runs do not: they outlive both."""
    engine = life.Life()
    await run_in_threadpool(engine.start)
    sweeping = sweeper.start()
    try:
        yield
    finally:
        sweeping.set()
        await run_in_threadpool(engine.stop)
