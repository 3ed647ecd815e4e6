"""The Models page: what each card says, and what its buttons and forms do."""

from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from engine.process import work
from engine.weights.token_facts import TokenFacts
from pages.models import add_view, cards, hub_view, one_view, page, suggest_view
from storage import db, models
from storage.statuses import EndpointStatus, ModelStatus, RunStatus
from storage.tables import Backend, Dataset, Endpoint, Model, Run
from tests.engine.models.hub_server import hub_of
from tests.engine.weights import model_folders
from tests.waiting import wait_for

QUERY = {"project": "default"}


class Click:
    """What Gradio hands a callback for a button or a form of a live fragment."""

    def __init__(self, name: str, id: str = "", **values: str) -> None:
        self.name, self.id, self.values = name, id, values


def add(**values: Any) -> str:
    model = Model(**{"source": "hub", "source_id": "org/m", "name": "org/m", "status": ModelStatus.READY, **values})
    with db.session() as session:
        session.add(model)
    return model.id


def all_models() -> list[Model]:
    with db.reading() as session:
        return list(models.recent(session))


def test_without_a_model_the_page_offers_the_starter_first() -> None:
    html = cards.models_html(QUERY)
    assert "Begin with the starter model" in html
    assert 'data-tone="primary" data-act="starter"' in html


def test_many_models_are_shown_a_page_at_a_time() -> None:
    for number in range(30):
        add(source_id=f"org/m{number}", name=f"org/m{number}")
    first, second = cards.models_html(QUERY), cards.models_html({**QUERY, "page": "2"})
    assert (first.count("mo-card"), second.count("mo-card")) == (24, 6)
    assert 'href="/models?page=2"' in first


def test_the_starter_is_offered_beside_other_models_only_until_it_is_there() -> None:
    assert 'data-act="starter"' not in add_view.add_html(QUERY)  # the empty state has the button
    add()
    assert 'data-act="starter"' in add_view.add_html(QUERY)
    add(source="starter", source_id="s")
    assert 'data-act="starter"' not in add_view.add_html(QUERY)


def test_getting_the_starter_queues_it_once() -> None:
    for _ in range(2):
        page.act(Click("starter"), None)
    assert [(model.source, model.status) for model in all_models()] == [("starter", ModelStatus.QUEUED)]


def test_a_ready_model_says_what_it_is_and_leads_to_training() -> None:
    facts = {"parameters": 134_515_008, "size_bytes": 271_000_000, "context_length": 8192, "licence": "apache-2.0"}
    id = add(has_chat_template=True, trainable=True, **facts)
    html = cards.models_html(QUERY)
    for words in ("134.5 M", "271 MB", "8,192 tokens", "apache-2.0", "yes", "Can be trained here"):
        assert words in html
    assert f'href="/train?model={id}"' in html


def test_a_model_that_cannot_be_trained_says_why_and_offers_no_training() -> None:
    id = add(trainable=False, untrainable_reason="It has only GGUF files.")
    html = cards.models_html(QUERY)
    assert "Cannot be trained here" in html
    assert "It has only GGUF files." in html
    assert f"/train?model={id}" not in html


def test_a_model_on_its_way_shows_stage_and_progress() -> None:
    add(status=ModelStatus.QUEUED, progress=0.42, stage="Downloading model.safetensors")
    html = cards.models_html(QUERY)
    assert "fetching" in html
    assert "Downloading model.safetensors" in html
    assert "42 %" in html
    assert 'aria-valuenow="42.0"' in html


def test_a_failed_model_says_what_to_do_and_can_be_retried() -> None:
    id = add(status=ModelStatus.FAILED, error="The hub cannot be reached.", hint="Check the connection.")
    html = cards.models_html(QUERY)
    assert "The hub cannot be reached." in html
    assert "Check the connection." in html
    assert 'data-act="retry"' in html
    page.act(Click("retry", id), None)
    assert all_models()[0].status == ModelStatus.QUEUED


def test_a_folder_is_added_from_its_form_and_a_model_of_the_hub_by_its_button(tmp_path: Path) -> None:
    folder = model_folders.make(tmp_path / "mine")
    page.act(_form("path", f" {folder} "), None)
    page.act(Click("fetch", "Qwen/Qwen3-0.6B"), None)
    assert {(model.source, model.source_id) for model in all_models()} == {
        ("path", str(folder)),
        ("hub", "Qwen/Qwen3-0.6B"),
    }


def _form(act: str, id: str) -> Click:
    click = Click(act)
    click.values = {"id": id}
    return click


def test_a_refused_source_is_said_in_a_toast_and_adds_nothing(toasts: list[str]) -> None:
    page.act(_form("path", "/no/such/<b>folder"), None)
    assert all_models() == []
    assert "&lt;b&gt;" in toasts[0]


def test_a_deleted_model_is_gone() -> None:
    page.act(Click("delete", add()), None)
    assert all_models() == []


def test_names_from_outside_are_escaped() -> None:
    add(name="<img src=x>${1}", source_id="<script>", error="<b>", status=ModelStatus.FAILED)
    html = cards.models_html(QUERY)
    assert "<img" not in html
    assert "<script" not in html
    assert "&lt;img src=x&gt;" in html


def test_a_form_is_made_anew_when_a_model_has_come() -> None:
    before = add_view.add_html(QUERY)
    add()
    assert 'data-key="path-0"' in before
    assert 'data-key="path-1"' in add_view.add_html(QUERY)


def test_a_card_says_what_ends_answers_and_what_does_not_fit() -> None:
    add(source_id="org/new", name="org/new")
    assert "reading the tokenizer" in cards.models_html(QUERY)
    facts = TokenFacts(
        turn_end="<|im_end|>", eos=["<|endoftext|>"], pad="<|endoftext|>", beyond=["<x>"], beyond_count=1, embeddings=9
    )
    add(source_id="org/odd", name="org/odd", token_facts=facts.model_dump())
    add(source_id="org/gone", name="org/gone", token_facts=TokenFacts(problem="Its folder is not there.").model_dump())
    html = cards.models_html(QUERY)
    assert "<dt>Answers end with</dt><dd>&lt;|im_end|&gt;</dd>" in html
    assert "<dt>Rows are padded with</dt><dd>&lt;|endoftext|&gt;, also an end</dd>" in html
    assert "while its files stop at `&lt;|endoftext|&gt;`" in html
    assert "Its tokenizer has a token without a row in its embeddings (9 rows): `&lt;x&gt;`" in html
    assert "<dd>not known</dd>" in html
    assert "Its tokenizer could not be looked at: Its folder is not there." in html


def hub_page(text: str) -> str:
    """What the page shows of the hub's answer, once it is there."""
    query = {**QUERY, "hub": text, "role": "owner"}

    def answered() -> str:
        work.tick()
        html = hub_view.hub_html(query)
        return "" if "mo-fetching" in html else html

    return wait_for(answered, seconds=30)


def test_the_hub_is_searched_and_a_model_shows_size_and_fit_before_a_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_folders.make(tmp_path / "repos" / "owner" / "name")
    pickled = model_folders.make(tmp_path / "repos" / "owner" / "old-name")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with hub_of(tmp_path / "repos", tmp_path / "requests.log", monkeypatch):
        assert "Searching the hub" in hub_view.hub_html({**QUERY, "hub": "name", "role": "owner"})
        assert 'href="/models?hub=owner/name"' in hub_page("name")
        looked = hub_page("owner/name")
        assert all(words in looked for words in ("fits here", "LoRA", "Free disk", 'data-act="fetch"', "mit"))
        refused = hub_page("owner/old-name")
        assert "pickle weights only" in refused
        assert 'data-act="fetch"' not in refused
        assert hub_view.hub_html({**QUERY, "hub": "another", "role": "viewer"}) == ""
    assert "not the name of a model" in hub_view.hub_html({**QUERY, "hub": "a/b/c", "role": "owner"})
    assert all_models() == []


def test_without_a_hub_the_page_says_so_and_asks_again_only_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    shown = hub_page("qwen")
    assert "The model hub cannot be reached" in shown
    assert "local folder" in shown
    assert 'data-act="ask-again" data-id="qwen"' in shown


def test_a_download_can_be_stopped_from_its_card() -> None:
    id = add(status=ModelStatus.QUEUED, progress=0.42)
    assert 'data-act="cancel"' in cards.models_html(QUERY)
    page.act(Click("cancel", id), None)
    assert all_models()[0].error == "The download was stopped."


def used_model(folder: Path) -> str:
    """A model with a run that has left an adapter, and an endpoint that answers."""
    id = add(name="mine <b>", path=str(model_folders.make(folder)), trainable=True, revision="abc123")
    run: dict[str, Any] = {"id": "r1", "name": "my run", "model_id": id, "dataset_id": "d1", "method": "sft"}
    with db.session() as session:
        session.add(Dataset(id="d1", project_id="default", name="d"))
        session.flush()
        session.add(Run(project_id="default", recipe={}, status=RunStatus.SUCCEEDED, artifact="adapter", **run))
        session.add(Endpoint(id="e1", project_id="default", name="answers"))
        session.flush()
        session.add(Backend(endpoint_id="e1", kind="transformers", model_id=id, status=EndpointStatus.READY))
    return id


def test_a_models_page_shows_path_template_runs_results_endpoints_and_what_can_be_done(tmp_path: Path) -> None:
    id = used_model(tmp_path / "mine")
    html = page.shown_html({**QUERY, "model": id, "role": "owner"})
    for words in ("mine &lt;b&gt;", str(tmp_path / "mine"), "abc123", "{{ messages }}", "an adapter for this model"):
        assert words in html
    for way in (f"/train?model={id}", f"/serve?model={id}", "/chat?endpoint=answers", "/runs?run=r1&amp;tab=files"):
        assert f'href="{way}"' in html
    assert f'data-act="delete" data-id="{id}"' in html
    assert f'href="/models?model={id}"' in cards.models_html(QUERY)
    assert str(tmp_path) not in page.shown_html({**QUERY, "model": id, "role": "viewer"})
    assert add_view.add_html({**QUERY, "model": id}) == ""
    assert "No such model" in one_view.one_html({**QUERY, "model": "gone"})


def test_a_model_without_an_endpoint_gets_one_to_chat_with(tmp_path: Path) -> None:
    id = add(name="Org/My_Model", path=str(model_folders.make(tmp_path / "mine")), trainable=True)
    query = {**QUERY, "model": id, "role": "owner"}
    assert f'data-act="chat" data-id="{id}"' in page.shown_html(query)
    for _ in range(2):
        page.act(Click("chat", id), None)
    with db.reading() as session:
        assert [endpoint.name for endpoint in session.exec(select(Endpoint))] == ["my-model"]
    assert "Starting" in page.shown_html(query)


def test_suggested_models_fill_the_field_and_one_that_is_here_leads_to_it() -> None:
    html = suggest_view.suggested_html(QUERY)
    assert 'data-fill="add-hub" data-value="Qwen/Qwen3-0.6B"' in html
    assert 'id="suggested" open' in html
    for words in ("269 MB", "apache-2.0", "llama3.2", "checked when you look at it"):
        assert words in html
    id = add(source_id="Qwen/Qwen3-0.6B", name="my <qwen>")
    assert f'href="/models?model={id}" data-soft>Qwen/Qwen3-0.6B</a>' in suggest_view.suggested_html(QUERY)
    for number in range(3):
        add(source_id=f"org/m{number}")
    assert 'id="suggested" open' not in suggest_view.suggested_html(QUERY)
    assert suggest_view.suggested_html({**QUERY, "model": id}) == ""


def test_names_while_one_types_are_options_and_a_visitor_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    id = add(source_id="Qwen/Qwen3-0.6B", name="my <qwen3>")
    html = suggest_view.suggest_html({**QUERY, "q": "qwen3"})
    assert f'<a role="option" tabindex="-1" data-soft href="/models?model={id}"><span>my &lt;qwen3&gt;</span>' in html
    assert 'data-value="Qwen/Qwen3-4B-Instruct-2507"' in html
    assert "data-more" not in html
    assert suggest_view.suggest_html({**QUERY, "q": "qwen3", "role": "viewer"}) == ""
    assert suggest_view.suggest_html({**QUERY, "q": "<" * 5000}) == ""
