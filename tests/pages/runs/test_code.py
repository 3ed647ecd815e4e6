"""Get the code, on a run's page: files to download, and parts that are made when they are opened."""

from pathlib import Path

import pytest

from pages.runs import code, page
from storage import db
from storage.statuses import EndpointStatus
from storage.tables import Backend, Endpoint
from tests.engine.runs.script.begun import begun_run
from tests.engine.weights import model_folders


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return model_folders.make(tmp_path / "base")


def shown(run_id: str, part: str, **query: str) -> str:
    return code.code_html({"run": run_id, "part": part, **query})


def test_a_run_that_has_begun_offers_its_files_and_parts(base: Path) -> None:
    run = begun_run(base)
    assert f'href="/runs?run={run.id}&amp;tab=files">Get the code' in page.runs_html({"run": run.id})
    text = page.runs_html({"run": run.id, "tab": "files"})
    for name in ("script", "notebook", "requirements"):
        assert f'href="/api/runs/{run.id}/{name}" download' in text
    for part in code.PARTS:
        assert f'src="/fragments/runs/code?run={run.id}&amp;part={part}"' in text
    assert "Get the code" not in page.runs_html({"run": begun_run(base, {"dtype": None}).id, "tab": "files"})


def test_each_part_is_text_to_copy_and_never_markup(base: Path) -> None:
    run = begun_run(base, name="<script>alert(1)</script>")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown(run.id, "script")
    assert "<script>" not in shown(run.id, "script")
    assert "torch==2.13.0" in shown(run.id, "packages")
    assert "uv run script-alert-1-script.py" in shown(run.id, "start")
    assert "has no rows" in shown(run.id, "cloud")
    assert "No endpoint answers" in shown(run.id, "clients")
    assert "muon" in shown(begun_run(base, optim="muon").id, "script")
    assert "There is no run" in shown("nobody", "script")


def test_a_visitor_sees_no_folder_of_this_machine(base: Path) -> None:
    run = begun_run(base)
    assert str(base) in shown(run.id, "script", role="owner")
    assert str(base) not in shown(run.id, "script", role="viewer")
    assert str(base) not in shown(run.id, "cloud", role="viewer")


def test_code_that_calls_a_served_run_has_its_address_and_name(base: Path) -> None:
    run = begun_run(base)
    endpoint = Endpoint(name="jokes", project_id="default")
    backend = Backend(endpoint_id=endpoint.id, kind="transformers", model_id=run.model_id, adapters=[run.id])
    backend.status, endpoint.active_backend_id = EndpointStatus.READY, backend.id
    with db.session() as session:
        session.add(endpoint)
        session.flush()
        session.add(backend)
    text = shown(run.id, "clients", origin="https://studio.example")
    assert "https://studio.example/v1" in text
    assert "jokes" in text
    assert "langchain_openai" in text
    assert "evil" not in shown(run.id, "clients", origin="https://x/evil';")
