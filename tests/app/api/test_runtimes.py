"""Runtimes over REST: what is there, an installation begun and cancelled, the way back, refusals in the one shape."""

import pytest
from starlette.testclient import TestClient

from engine.process import plan
from engine.runtimes import folders, runtimes
from storage import home
from tests.engine.runtimes.tiny_runtime import Shelf
from tests.rest import PASSWORD, make_access, make_client

API = "/api/runtimes"


@pytest.fixture
def shelf(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """What can be installed; an installation begins and never ends."""
    monkeypatch.setitem(plan.WORKERS, runtimes.WORK, "tests.load.resting")
    folder = home.ensure_folder(home.folder("wheels"))
    return Shelf(folder, monkeypatch)


def made_by_hand(name: str, version: str, before: str | None = None) -> None:
    folder = home.ensure_folder(runtimes.root() / name)
    folders.write(folder, folders.Manifest(kind="quantize", version=version, words="tiny", before=before))
    folders.use(runtimes.root(), "quantize", folder)


def test_an_installation_is_begun_shown_and_cancelled(owner: TestClient, shelf: Shelf) -> None:
    shelf.offer("1.0")
    begun = owner.post(API, json={"kind": "quantize"})
    assert begun.status_code == 202
    facts = begun.json()
    assert (facts["status"], facts["progress"], facts["installed"]) == ("running", None, None)
    assert (facts["offered"], facts["build_minutes"]) == ("a tiny runtime 1.0", None)
    assert owner.post(API, json={"kind": "quantize"}).json()["id"] == facts["id"]
    assert owner.post(f"{API}/quantize/cancel").json()["status"] == "stopped"
    assert owner.post(f"{API}/quantize/cancel").status_code == 409
    assert owner.get(f"{API}/quantize/log").json() == {"text": ""}


def test_back_and_uninstall(owner: TestClient, shelf: Shelf) -> None:
    shelf.offer("3.0")
    made_by_hand("quantize-1-aaaaaa", "1.0")
    made_by_hand("quantize-2-bbbbbb", "2.0", "quantize-1-aaaaaa")
    assert owner.post(f"{API}/quantize/back").json()["installed"]["version"] == "1.0"
    assert owner.get(f"{API}/quantize").json()["version_before"] == "2.0"
    assert owner.post(API, json={"kind": "quantize"}).json()["status"] == "running"
    assert owner.post(f"{API}/quantize/back").status_code == 409
    assert owner.delete(f"{API}/quantize").status_code == 204  # with what is being installed
    assert owner.delete(f"{API}/quantize").json()["error"]["message"] == "tiny is not installed."
    assert owner.get(f"{API}/quantize").json()["status"] == "stopped"


def test_what_cannot_be_is_refused_in_the_one_shape(owner: TestClient, shelf: Shelf) -> None:
    shelf.offer("1.0", cpu_flags=("avx1024",))
    refused = owner.post(API, json={"kind": "quantize"})
    assert refused.status_code == 422
    assert "it needs a processor with AVX1024" in refused.json()["error"]["message"]
    assert "AVX1024" in next(facts["reason"] for facts in owner.get(API).json() if facts["kind"] == "quantize")
    shelf.offer("1.0", disk_bytes=10**18)
    assert owner.post(API, json={"kind": "quantize"}).status_code == 507
    assert owner.post(API, json={"kind": "nope"}).status_code == 404
    assert owner.post(API, json={"kind": "../x"}).status_code == 422
    assert owner.get(f"{API}/nope").status_code == 404


def test_visitors_of_a_share_link_see_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNESMITH_PASSWORD", PASSWORD)
    shared = make_client(make_access().shared(9999, "abc.gradio.live"))
    visitor = TestClient(shared.app, "https://abc.gradio.live:9999", follow_redirects=False)
    visitor.post("/login", data={"secret": PASSWORD})
    assert visitor.get(API).status_code == 403
    assert visitor.post(API, json={"kind": "llama"}).status_code == 403
