"""A GGUF version is chosen in the form of the Serve page, served by llama.cpp, and called by a name people know."""

from collections.abc import Iterator

import pytest

from engine.process import plan
from engine.registry import versions
from pages.serve import endpoint_view, form, gguf_view
from storage import db
from storage import endpoints as stored
from storage.tables import Export, Run
from tests.app.api.test_gguf_endpoints import gguf_export, install_llama
from tests.pages.serve.test_form import by_part, started
from tests.serving import active, end_all, finished_run, ready_model

CARDS = {"project": "default", "role": "owner"}


@pytest.fixture(autouse=True)
def ended(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(plan.WORKERS, "serve_gguf", "tests.fake_openai")
    yield
    end_all()


@pytest.fixture
def run() -> Run:
    return finished_run(ready_model(), "Funny <i>puns</i>")


@pytest.fixture
def export(run: Run) -> Export:
    """Version 1 of `puns`, beside an adapter alone, which no server loads by itself."""
    row = gguf_export(run)
    versions.add("puns", export_id=row.id)
    versions.add("puns", export_id=gguf_export(run, of="adapter").id)
    return row


def test_a_gguf_version_is_offered_served_and_called_by_its_name(export: Export, toasts: list[str]) -> None:
    install_llama()
    assert by_part(form.opened(None))["version"]["choices"] == [("puns, version 1, q8_0", export.id)]
    started(kind="llama", name="small", version=export.id)
    assert toasts == ["small is starting."]
    with db.reading() as session:
        (endpoint,) = stored.named(session, "small")
    served = active(endpoint)
    assert (served.kind, served.options, served.adapters) == ("llama", {"export_id": export.id}, [])
    card = endpoint_view.endpoints_html(CARDS)
    assert "puns, version 1, q8_0" in card
    assert export.id not in card
    again = by_part(form.opened(endpoint.id))
    assert (again["kind"]["value"], again["version"]["value"]) == ("llama", export.id)


def test_without_a_version_or_without_llama_the_form_says_what_is_missing(export: Export, toasts: list[str]) -> None:
    refused = started(kind="llama", name="small")
    assert refused["version"]["info"].startswith("Choose a version. ")
    assert "llama.cpp is not installed" in form.note("llama")
    assert 'href="/serve#runtimes"' in form.note("llama")
    missing = started(kind="llama", name="small", version=export.id)
    assert "llama.cpp is not installed" in missing["problem"]["value"]
    assert toasts == []


def test_a_file_that_is_no_version_is_called_by_its_run(run: Run) -> None:
    export = gguf_export(run)
    assert gguf_view.names({export.id}) == {export.id: "Funny <i>puns</i>, q8_0"}
    assert gguf_view.names(set()) == {}
