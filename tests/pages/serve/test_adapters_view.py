"""Adapters on an endpoint's card: what is listed, what the form offers, what its buttons do."""

from collections.abc import Iterator
from typing import Any

import pytest

from engine.process import plan
from engine.serve import adapter_loads, adapters, endpoints
from pages.serve import adapters_view, page
from pages.serve.endpoint_view import endpoints_html
from tests.pages.clicks import Click
from tests.serving import bring_up, end_all, finished_checkpoint, finished_run, ready_model

PROJECT = {"project": "default"}


@pytest.fixture(autouse=True)
def fake_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(plan.WORKERS, "serve", "tests.fake_openai")
    monkeypatch.setattr(adapter_loads, "SETTLE_SECONDS", 0)
    yield
    end_all()


def test_the_card_lists_adapters_adds_one_under_a_name_and_takes_it_out(toasts: list[str]) -> None:
    model = ready_model()
    run, foreign = finished_run(model, name="Jokes <b>"), finished_run(ready_model(name="other"), name="Foreign")
    finished_checkpoint(run, 30)
    endpoint = endpoints.create_endpoint("jokes", model_id=model.id)
    assert "Add an adapter" not in endpoints_html(PROJECT)
    bring_up(endpoint)
    shown = endpoints_html(PROJECT)
    assert f'<option value="{run.id}@30">Jokes &lt;b&gt;, step 30</option>' in shown
    assert f'"{foreign.id}"' not in shown.partition("Add an adapter")[2].partition("</form>")[0]
    page.act(Click("add-adapter", endpoint.id, subject=f"{run.id}@30", alias="prod"))
    shown = endpoints_html(PROJECT)
    for words in ("jokes:prod", "step 30", "1 kB", "loaded", " ms", "Remove"):
        assert words in shown, words
    assert "<b>" not in shown.partition("ts-adapters")[2].partition("</table>")[0]
    page.act(Click("remove-adapter", f"{endpoint.id} {run.id}@30"))
    assert "jokes:prod" not in endpoints_html(PROJECT).partition("Add an adapter")[0]
    assert [facts["status"] for facts in adapters.listed(endpoint.id)] == ["draining"]
    page.act(Click("add-adapter", endpoint.id, subject=foreign.id, alias=""))
    assert "was trained on `other`" in toasts[-1]


def test_for_one_adapter_on_a_vllm_without_a_gpu_the_card_offers_to_merge_it() -> None:
    adapter: dict[str, Any] = {
        "run_id": "r1",
        "run_name": "r",
        "subject": "r1",
        "step": None,
        "names": ["jokes"],
        "status": "loaded",
    }
    adapter |= {"size_bytes": 1, "load_seconds": 0.02, "error": None, "internal_name": "adapter-x"}
    facts: dict[str, Any] = {"id": "e", "name": "jokes", "kind": "vllm", "device": "cpu", "served_adapters": [adapter]}
    assert "/runs?run=r1" in adapters_view.adapters_html(facts).partition("ts-note")[2]
    others: list[dict[str, Any]] = [
        {"device": "gpu:0"},
        {"kind": "transformers"},
        {"served_adapters": [adapter, adapter]},
    ]
    for other in others:
        assert "ts-note" not in adapters_view.adapters_html(facts | other)
    assert "jokes then answers as the base model" in adapters_view.adapters_html(facts)
