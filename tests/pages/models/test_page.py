"""The Models page: what each card says, and what its buttons and forms do."""

from pathlib import Path
from typing import Any

from engine.weights.token_facts import TokenFacts
from pages.models import page
from storage import db, models
from storage.statuses import ModelStatus
from storage.tables import Model
from tests.engine.weights import model_folders

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
    html = page.models_html(QUERY)
    assert "Begin with the starter model" in html
    assert 'data-tone="primary" data-act="starter"' in html


def test_many_models_are_shown_a_page_at_a_time() -> None:
    for number in range(30):
        add(source_id=f"org/m{number}", name=f"org/m{number}")
    first, second = page.models_html(QUERY), page.models_html({**QUERY, "page": "2"})
    assert (first.count("mo-card"), second.count("mo-card")) == (24, 6)
    assert 'href="/models?page=2"' in first


def test_the_starter_is_offered_beside_other_models_only_until_it_is_there() -> None:
    assert 'data-act="starter"' not in page.add_html(QUERY)  # the empty state has the button
    add()
    assert 'data-act="starter"' in page.add_html(QUERY)
    add(source="starter", source_id="s")
    assert 'data-act="starter"' not in page.add_html(QUERY)


def test_getting_the_starter_queues_it_once() -> None:
    for _ in range(2):
        page.act(Click("starter"))
    assert [(model.source, model.status) for model in all_models()] == [("starter", ModelStatus.QUEUED)]


def test_a_ready_model_says_what_it_is_and_leads_to_training() -> None:
    facts = {"parameters": 134_515_008, "size_bytes": 271_000_000, "context_length": 8192, "licence": "apache-2.0"}
    id = add(has_chat_template=True, trainable=True, **facts)
    html = page.models_html(QUERY)
    for words in ("134.5 M", "271 MB", "8,192 tokens", "apache-2.0", "yes", "Can be trained here"):
        assert words in html
    assert f'href="/train?model={id}"' in html


def test_a_model_that_cannot_be_trained_says_why_and_offers_no_training() -> None:
    id = add(trainable=False, untrainable_reason="It has only GGUF files.")
    html = page.models_html(QUERY)
    assert "Cannot be trained here" in html
    assert "It has only GGUF files." in html
    assert f"/train?model={id}" not in html


def test_a_model_on_its_way_shows_stage_and_progress() -> None:
    add(status=ModelStatus.QUEUED, progress=0.42, stage="Downloading model.safetensors")
    html = page.models_html(QUERY)
    assert "fetching" in html
    assert "Downloading model.safetensors" in html
    assert "42 %" in html
    assert 'aria-valuenow="42.0"' in html


def test_a_failed_model_says_what_to_do_and_can_be_retried() -> None:
    id = add(status=ModelStatus.FAILED, error="The hub cannot be reached.", hint="Check the connection.")
    html = page.models_html(QUERY)
    assert "The hub cannot be reached." in html
    assert "Check the connection." in html
    assert 'data-act="retry"' in html
    page.act(Click("retry", id))
    assert all_models()[0].status == ModelStatus.QUEUED


def test_hub_and_folder_are_added_from_their_forms(tmp_path: Path) -> None:
    folder = model_folders.make(tmp_path / "mine")
    page.act(_form("path", f" {folder} "))
    page.act(_form("hub", " Qwen/Qwen3-0.6B "))
    assert {(model.source, model.source_id) for model in all_models()} == {
        ("path", str(folder)),
        ("hub", "Qwen/Qwen3-0.6B"),
    }


def _form(act: str, id: str) -> Click:
    click = Click(act)
    click.values = {"id": id}
    return click


def test_a_refused_source_is_said_in_a_toast_and_adds_nothing(toasts: list[str]) -> None:
    page.act(_form("path", "/no/such/<b>folder"))
    assert all_models() == []
    assert "&lt;b&gt;" in toasts[0]


def test_a_deleted_model_is_gone() -> None:
    page.act(Click("delete", add()))
    assert all_models() == []


def test_names_from_outside_are_escaped() -> None:
    add(name="<img src=x>${1}", source_id="<script>", error="<b>", status=ModelStatus.FAILED)
    html = page.models_html(QUERY)
    assert "<img" not in html
    assert "<script" not in html
    assert "&lt;img src=x&gt;" in html


def test_a_form_is_made_anew_when_a_model_has_come() -> None:
    before = page.add_html(QUERY)
    add()
    assert 'data-key="hub-0"' in before
    assert 'data-key="hub-1"' in page.add_html(QUERY)


def test_a_card_says_what_ends_answers_and_what_does_not_fit() -> None:
    add(source_id="org/new", name="org/new")
    assert "being looked at" in page.models_html(QUERY)
    facts = TokenFacts(
        turn_end="<|im_end|>", eos=["<|endoftext|>"], pad="<|endoftext|>", beyond=["<x>"], beyond_count=1, embeddings=9
    )
    add(source_id="org/odd", name="org/odd", token_facts=facts.model_dump())
    add(source_id="org/gone", name="org/gone", token_facts=TokenFacts(problem="Its folder is not there.").model_dump())
    html = page.models_html(QUERY)
    assert "<dt>Answers end with</dt><dd>&lt;|im_end|&gt;</dd>" in html
    assert "<dt>Rows are padded with</dt><dd>&lt;|endoftext|&gt;, also an end</dd>" in html
    assert "while its files stop at `&lt;|endoftext|&gt;`" in html
    assert "Its tokenizer has a token without a row in its embeddings (9 rows): `&lt;x&gt;`" in html
    assert "<dd>not known</dd>" in html
    assert "Its tokenizer could not be looked at: Its folder is not there." in html
