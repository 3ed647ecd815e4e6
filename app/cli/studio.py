"""`tunesmith serve`: the studio."""

import logging
from typing import Annotated

import typer

from app.cli import serve as server
from engine.process import logs
from storage.settings import settings


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. Default: TUNESMITH_HOST, or 127.0.0.1.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = None,
    share: Annotated[bool, typer.Option("--share", help="Also make a public read-only link.")] = False,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the studio in a browser.")] = True,
) -> None:
    """Start the studio and print the address to open."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logs.set_up()
    current_settings = settings()
    options = server.Options(
        host or current_settings.host, current_settings.port if port is None else port, share, browser
    )
    server.serve(options, typer.echo)
