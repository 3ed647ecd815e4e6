"""The application as a whole: pages, static files, compression, monitoring."""

import asyncio
import logging
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from app import metrics, sweeper
from app.cli import serve
from app.window import studio
from app.window import window as studio_window
from app.window.early_head import EarlyHead
from app.window.kept_pages import MOST, KeptPages
from engine.accounts import keys
from engine.errors import ConflictError, TunesmithError
from storage import db
from storage.tables import Model
from tests.conftest import ROOT
from tests.rest import ADDRESS, PASSWORD, TOKEN, log_in, make_access, make_client
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """The whole studio with its window, logged in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNESMITH_HOME", str(tmp_path_factory.mktemp("home")))
        return log_in(make_client(with_window=True))


def test_a_page_has_our_head_first_and_comes_compressed(window: TestClient) -> None:
    page = window.get("/", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert page.text.split("<head>", 1)[1].startswith("<script>")
    assert page.headers["content-encoding"] == "gzip"
    assert page.headers["cache-control"] == "no-store"
    assert "static-tunesmith" not in window.get("/api/docs").text


def test_static_files_may_be_kept_for_good(window: TestClient) -> None:
    for path in ("/static-tunesmith/tunesmith.css", "/static-bokeh/bokeh.min.js"):
        answer = window.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert "immutable" not in window.get("/static-tunesmith/missing.css").headers["cache-control"]
    assert window.get("/static-tunesmith/../server.py").status_code == 404


def test_a_browser_gets_a_page_where_nothing_is_and_a_program_gets_json(window: TestClient) -> None:
    page = window.get("/rnus/x", headers={"accept": "text/html,*/*"})
    assert page.status_code == 404
    assert page.text.split("<head>", 1)[1].startswith("<script>")
    assert 'Did you mean <a class="ts-link" href="/runs">' in page.text
    for path in ("/rnus/x", "/api/rnus", "/v1/rnus", "/fragments/rnus/x"):
        accept = "application/json" if path == "/rnus/x" else "text/html"
        answer = window.get(path, headers={"accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json"), path


def test_pictures_of_the_guide_are_served(window: TestClient) -> None:
    assert window.get("/static-docs/tokens.png").headers["content-type"] == "image/png"


def test_gradio_comes_without_stubs_and_pandas_and_still_has_its_events_and_pandas_when_it_asks() -> None:
    code = (
        "import sys; from fastapi import FastAPI; from app.window import window; window.mount(FastAPI()); "
        "early = [name for name in sys.modules if name.partition('.')[0] == 'pandas']; import gradio; "
        "assert callable(gradio.Button.click); from gradio import caching; "
        "assert caching.pd.DataFrame({'a': [1]}).shape == (1, 1); import pandas; "
        "assert pandas.DataFrame is caching.pd.DataFrame; "
        "print(vars(sys.modules['gradio.component_meta'])['create_or_modify_pyi'].__name__, early)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert finished.stdout.splitlines()[-1] == "<lambda> []"


def test_another_gradio_than_the_tested_one_is_left_as_it_is_and_works_the_slow_way() -> None:
    code = (
        "import logging, sys; from fastapi import FastAPI; from app.window import window; logging.basicConfig(); "
        "window.TESTED_GRADIO = '6.30'; app = FastAPI(); window.mount(app); mounted = app.routes[-1].app; "
        "assert mounted.get_blocks().app is mounted; "
        "print(vars(sys.modules['gradio.component_meta'])['create_or_modify_pyi'].__name__)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert finished.stdout.split()[-1] == "create_or_modify_pyi"
    assert "slow way" in finished.stderr


def test_the_tested_gradio_is_the_one_that_is_installed() -> None:
    (line,) = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("gradio==")]
    assert line.startswith(f"gradio=={studio_window.TESTED_GRADIO}.")
    assert studio_window.is_tested()


def test_every_page_is_described_with_its_parts_and_what_they_do(window: TestClient) -> None:
    config = window.app.routes[-1].app.get_blocks().config  # type: ignore[attr-defined]
    assert [slug for slug, *_ in config["pages"]] == ["", *(module.SLUG for module in studio.PAGES[1:])]
    for page in config["page"].values():
        assert page["layout"]["children"]
        assert page["dependencies"]
    described = {component["id"] for component in config["components"]}
    assert {part for page in config["page"].values() for part in page["components"]} <= described


def test_gradios_queue_knows_the_application_that_is_mounted(window: TestClient) -> None:
    mounted = window.app.routes[-1].app  # type: ignore[attr-defined]
    assert mounted.get_blocks().app is mounted


def test_gradio_sends_nothing_home(window: TestClient) -> None:
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
    config = window.get("/config").json()
    assert config["analytics_enabled"] is False
    assert config["footer_links"] == []


def test_a_head_is_added_once_and_only_to_pages() -> None:
    async def page(scope: object, receive: object, send: object) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]}
        await send(start)  # type: ignore[operator]
        manifest = b'<link rel="manifest" href="/manifest.json" />'
        for part, more in ((b"<html><he", True), (b"ad></head><head>" + manifest, False)):
            await send({"type": "http.response.body", "body": part, "more_body": more})  # type: ignore[operator]

    answer = TestClient(EarlyHead(page, b"X")).get("/")
    manifest = '<link rel="manifest" crossorigin="use-credentials" href="/manifest.json" />'  # else it is refused
    assert answer.text == f"<html><head>X</head><head>{manifest}"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert (
        TestClient(EarlyHead(page, b"X", skip=("/plain",))).get("/plain").text.startswith("<html><head></head><head>")
    )


def test_a_kept_page_is_what_gradio_would_have_sent(window: TestClient) -> None:
    for path in ("/", "/models"):
        made = window.get(f"{path}?all_endpoints=")  # a query that Gradio reads: never kept
        first, kept = window.get(path), window.get(f"{path}?run=1")
        assert first.content == kept.content == made.content
        assert kept.headers["content-encoding"] == "gzip"
        assert dict(kept.headers) == dict(first.headers) | {"content-length": kept.headers["content-length"]}
        plain = window.get(path, headers={"accept-encoding": "identity"})
        assert plain.content == first.content
        assert "content-encoding" not in plain.headers
        assert plain.headers["content-length"] == str(len(plain.content))


def test_a_page_is_made_anew_for_another_address_and_kept_once_for_each() -> None:
    made = []

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        made.append(Headers(scope=scope)["host"])
        await HTMLResponse(f"<head></head>{made[-1]}")(scope, receive, send)

    client = TestClient(EarlyHead(page, b"X", kept=KeptPages(frozenset({"/runs"}))))
    for _ in range(2):
        for host in ("one", "two"):
            assert client.get("/runs", headers={"host": host}).text == f"<head>X</head>{host}"
    assert made == ["one", "two"]
    for several in range(MOST):
        client.get("/runs", headers={"host": f"other-{several}"})
    client.get("/runs", headers={"host": "one"})
    assert made[-1] == "one"  # the page that was longest not asked for made room


def test_only_pages_that_are_everybodys_are_kept() -> None:
    made = []

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        made.append(scope["path"])
        status = 404 if scope["query_string"] == b"gone" else 200
        answer = HTMLResponse("<head></head>", status)
        if scope["query_string"] == b"own":
            answer.set_cookie("a", "b")
        await answer(scope, receive, send)

    client = TestClient(EarlyHead(page, b"X", kept=KeptPages(frozenset({"/"}))))
    for _ in range(2):
        client.get("/?gone")
        client.get("/?own")
        client.get("/other")
        client.get("/?deep_link=x")
        client.get("/", headers={"origin": "http://testserver"})
        client.post("/")
    assert len(made) == 12


def test_metrics_count_what_the_database_holds(owner: TestClient) -> None:
    with db.session() as session:
        session.add(Model(source="hub", source_id="a", name="a"))
    owner.get("/api/runs/abcabcabcabc")
    owner.get("/api/runs/abc")  # no such name: no route is asked
    text = owner.get("/metrics").text
    assert 'tunesmith_models{state="queued"} 1.0' in text
    assert 'tunesmith_runs{state="running"} 0.0' in text
    assert "tunesmith_queue_depth 0.0" in text
    assert "tunesmith_process_resident_memory_bytes" in text
    assert 'route="/api/runs/{id}",status="404"' in text
    assert "tunesmith_gateway_requests" in text
    assert "abc" not in text


def test_the_engine_lives_as_long_as_the_server() -> None:
    with log_in(make_client(with_engine=True)) as client:
        assert client.get("/api/health").status_code == 200
    logging.getLogger("tunesmith").setLevel(logging.NOTSET)


def test_old_uploads_are_swept_and_new_ones_stay(home: Path) -> None:
    old, new, folder = home / "uploads" / "old", home / "uploads" / "new", home / "gradio" / "folder"
    for path in (old.parent, folder):
        path.mkdir(parents=True)
    old.write_text("x")
    new.write_text("x")
    (folder / "file").write_text("x")
    for path in (old, folder):
        os.utime(path, (1, 1))
    assert sweeper.sweep() == 2
    assert (old.exists(), new.exists(), folder.exists()) == (False, True, False)
    os.utime(new, (1, 1))
    stop = sweeper.start()
    wait_for(lambda: not new.exists())
    stop.set()


def test_a_used_key_says_when_and_a_revoked_one_stops_at_once() -> None:
    key, secret = keys.create_key("robot", "all")
    assert keys.remembered(secret) is None
    key_again = keys.verify(secret)
    assert key_again is not None
    assert keys.remembered(secret) is not None
    with db.reading() as session:
        stored_key = session.get(type(key), key.id)
        assert stored_key is not None
        assert abs((stored_key.last_used_at or 0) - time.time()) < 60
    keys.revoke_key(key.id)
    assert keys.verify(secret) is None
    assert keys.verify("sk-tunesmith-x") is None
    with pytest.raises(TunesmithError):
        keys.create_key("  ")


def test_the_address_has_the_token_only_when_there_is_no_password() -> None:
    assert serve.address(make_access(), "127.0.0.1") == f"{ADDRESS}/?token={TOKEN}"
    assert serve.address(make_access(password=PASSWORD), "0.0.0.0") == f"{ADDRESS}/"
    assert serve.address(make_access(), "::1") == f"http://[::1]:7860/?token={TOKEN}"


def test_a_taken_port_names_the_next_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, pytest.raises(ConflictError, match="is taken"):
        serve.bind("127.0.0.1", listening.getsockname()[1])
    with pytest.raises(TunesmithError, match="Cannot listen"):
        serve.bind("192.0.2.1", 0)
    serve.bind("127.0.0.1", 0).close()


def test_an_answer_leaves_at_once_and_waits_for_no_acknowledgement() -> None:
    async def accepted() -> int:
        at_once = asyncio.get_running_loop().create_future()

        def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            at_once.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

        listening = serve.bind("127.0.0.1", 0)
        async with await asyncio.start_server(connected, sock=listening):
            _reader, writer = await asyncio.open_connection(*listening.getsockname())
            writer.close()
            return int(await at_once)

    assert asyncio.run(accepted())


def test_a_share_link_opens_for_visitors_or_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    access, printed = make_access(password=PASSWORD), list[str]()
    app = SimpleNamespace(state=SimpleNamespace(access=access))
    networking = SimpleNamespace(setup_tunnel=lambda *_: "https://abc.gradio.live")
    monkeypatch.setitem(sys.modules, "gradio.networking", networking)
    serve._share(app, access, 9999, printed.append)  # type: ignore[arg-type]
    assert app.state.access.share_port == 9999
    assert app.state.access.knows_host("abc.gradio.live")
    assert "https://abc.gradio.live" in printed[0]

    def refuse(*_: object) -> str:
        raise RuntimeError("no network")

    networking.setup_tunnel = refuse
    serve._share(app, access, 9999, printed.append)  # type: ignore[arg-type]
    assert "There is no share link: no network" in printed[1]


def test_every_metric_has_its_words() -> None:
    for family in metrics.REGISTRY.collect():
        assert family.documentation
