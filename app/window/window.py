"""Brings Gradio in: its import, its switches, its mount. Everything that costs start-up time is here.

Gradio writes a type stub beside the source of each of its 81 component classes while it is imported, which takes a
third of the import and needs a writable installation. Editors want those files, a running studio does not, so that
one function does nothing here. The stubs that came with the wheel stay as they are. Like the other short cuts,
`_built_once` and the pages that are kept, this knows Gradio from within, so they are taken only with the minor
version they were tested with.
"""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from app.window import late_pandas
from app.window.kept_pages import KeptPages
from engine.changed_import import ChangedImport
from pages.help import documents
from storage import home
from storage.settings import settings

log = logging.getLogger("tunesmith.window")

TESTED_GRADIO = "6.31"  # the minor version whose insides the short cuts know
STUBS = "gradio.component_meta"
SWITCHES = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_ANALYTICS_CACHE_FREQUENCY": "100000",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_NUM_PORTS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}


@dataclass(frozen=True)
class Mounted:
    """What the pages want on their way out."""

    head: bytes  # belongs first into each page's head
    kept: KeptPages
    missing: Callable[[str], str]  # the page for a path that is none


def mount(app: FastAPI) -> Mounted:
    """Adds fragments, static files and, last, Gradio at "/"."""
    prepare()
    if not is_tested():
        log.warning("starts the slow way: Gradio %s is not the tested %s", version("gradio"), TESTED_GRADIO)
    with late_pandas.postponed() if is_tested() else nullcontext():
        gradio: Any = import_module("gradio")
        studio, fragments, theme = (import_module(f"app.window.{name}") for name in ("studio", "fragments", "theme"))
    app.include_router(fragments.router)
    app.router.routes.insert(0, app.router.routes.pop())  # open pages ask for them all the time: looked at first
    app.mount("/static-tunesmith", StaticFiles(directory=Path(__file__).parents[1] / "static"))
    app.mount("/static-docs", StaticFiles(directory=documents.folder() / "images", check_dir=False))
    app.mount("/static-bokeh", StaticFiles(packages=[("bokeh", "server/static/js")]))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="SSR mode is not supported")
        with _built_once() if is_tested() else nullcontext():
            demo = studio.build()
        gradio.mount_gradio_app(
            app,
            demo,
            path="/",
            theme=theme.studio_theme(),
            footer_links=[],
            run_history=False,
            show_error=False,
            ssr_mode=False,
            enable_monitoring=False,
            mcp_server=False,
            pwa=False,
            max_file_size=int(settings().max_upload_gb * 1e9),
        )
    demo.app = vars(app.routes[-1])["app"]  # Gradio's queue asks it for the page's address
    kept = frozenset(f"/{slug}" for slug, *_ in demo.pages) if is_tested() else frozenset()
    missing = import_module("pages.missing").missing_html
    return Mounted(theme.EARLY_HEAD, KeptPages(kept), lambda path: missing(path, studio.PAGES))


def prepare() -> None:
    """Sets Gradio's environment. Call it before anything imports Gradio."""
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
    os.environ["GRADIO_TEMP_DIR"] = str(home.ensure_folder(home.gradio_cache()))
    if is_tested() and STUBS not in sys.modules and _NO_STUBS not in sys.meta_path:
        sys.meta_path.insert(0, _NO_STUBS)


def is_tested() -> bool:
    """Whether the installed Gradio is of the minor version that the short cuts were tested with."""
    return version("gradio").rpartition(".")[0] == TESTED_GRADIO


@contextmanager
def _built_once() -> Iterator[None]:
    """While it is built, Gradio makes a whole server for each page, and describes all pages so far, each part anew.

    It throws all of that away, and took a second and a half of start-up for it. The mount makes what is used.
    """
    application: Any = import_module("gradio.routes").App
    blocks: Any = import_module("gradio.blocks").Blocks
    make, describe = vars(application)["create_app"], blocks.get_config_file
    application.create_app = staticmethod(lambda *_arguments, **_options: None)
    blocks.get_config_file = lambda _self: {}
    try:
        yield
    finally:
        application.create_app, blocks.get_config_file = make, describe


def _without_stubs(module: ModuleType) -> None:
    """The one module that writes stubs does everything but that."""
    vars(module)["create_or_modify_pyi"] = lambda *_arguments: None


_NO_STUBS = ChangedImport(STUBS, _without_stubs)
