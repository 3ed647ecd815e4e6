"""What presets, marks and saved recipes do to the Train form. Every function takes and returns plain values."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from engine.recipes import presets, provenance, saved
from pages.train import page, recipe_edits, recipe_menu
from pages.train.recipe_check import HOLD_OUT, check, check_html
from pages.train.recipe_form import FIELDS, SECTION_OF, recipe_of, values_of
from pages.train.recipe_marks import marks_html, presets_html
from pages.train.recipe_words import value_words
from storage import db, runs
from storage.statuses import DatasetStatus, ModelStatus
from storage.tables import Dataset, Model
from tests.engine.weights import model_folders
from tests.pages.clicks import Click, Visitor

Answer = tuple[dict[str, Any], str]


@pytest.fixture(autouse=True)
def ready(tmp_path: Path) -> dict[str, Any]:
    """A model that reads 600 tokens, one that reads any, and a dataset."""
    path = str(model_folders.make(tmp_path / "m"))
    facts: dict[str, Any] = {"path": path, "source": "path", "status": ModelStatus.READY, "trainable": True}
    with db.session() as session:
        for id, context in (("m1", None), ("m2", 600)):
            name = f"SmolLM2 {id}"
            session.add(Model(id=id, name=name, source_id=id, context_length=context, has_chat_template=True, **facts))
        state = DatasetStatus.READY
        session.add(Dataset(id="d1", project_id="default", name="d", status=state, kind="chat", accepted=400))
        session.add(Dataset(id="d2", project_id="default", name="p", status=state, kind="preference", accepted=400))
    return {"model_id": "m1", "dataset_id": "d1"}


def form(recipe: dict[str, Any]) -> list[Any]:
    return values_of(recipe)


def after(answer: list[Any]) -> Answer:
    """(the recipe that the form shows, given) of an answer."""
    given, _unit, *fields = answer[-(len(FIELDS) + 2) :]
    return recipe_of([update["value"] for update in fields]), given


def press(do: Callable[..., list[Any]], act: str, id: str, now: Answer, **values: str) -> Answer:
    event: Any = Click(act, id, **values)
    return after(do(event, now[1], *form(now[0])))


def marks(now: Answer) -> dict[str, str]:
    return provenance.origins_to_show(now[0], provenance.from_json(now[1]))


def start(ready: dict[str, Any], **changes: Any) -> Answer:
    return recipe_of(values_of({**ready, **changes})), ""


def test_a_remark_is_put_right_by_one_click(ready: dict[str, Any]) -> None:
    now = start(ready, lora_r=1024, lora_alpha=2048, use_dora=True)
    panel = check_html(check(now[0]))
    assert panel.count('data-act="mend"') == 2
    assert "Use LoRA rank 512, LoRA alpha 1024" in panel
    mended = press(recipe_edits.mend, "mend", "lora_r", now)
    assert [mended[0][name] for name in ("lora_r", "lora_alpha", "use_dora")] == [512, 1024, True]
    assert marks(mended) == {"lora_r": "remark", "lora_alpha": "remark", "use_dora": "you"}
    mended = press(recipe_edits.mend, "mend", "use_dora", mended)
    assert check(mended[0]).problems == []
    event: Any = Click("mend", "use_dora")
    unchanged = recipe_edits.mend(event, mended[1], *form(mended[0]))  # a second click finds nothing to do
    assert all(update == gr.skip() for update in unchanged)


def test_a_tuning_that_no_server_takes_becomes_one_that_it_takes(ready: dict[str, Any]) -> None:
    now = press(recipe_edits.mend, "mend", "tuning", start(ready, tuning="ia3"))
    assert now[0]["tuning"] == "lora"
    assert check(now[0]).problems == []


def test_one_click_holds_no_rows_out_and_another_holds_some_out_again(ready: dict[str, Any]) -> None:
    assert "5 % held out: about 20 rows" in check_html(check(start(ready)[0]))
    off = press(recipe_edits.mend, HOLD_OUT, "eval_fraction", start(ready, early_stopping_patience=3))
    assert (off[0]["eval_fraction"], off[0]["early_stopping_patience"]) == (0.0, 0)
    assert "nothing will show" in check_html(check(off[0]))
    on = press(recipe_edits.mend, HOLD_OUT, "eval_fraction", off)
    assert on[0]["eval_fraction"] is None


def test_where_too_few_rows_are_there_to_hold_some_out_there_is_nothing_to_turn_off(ready: dict[str, Any]) -> None:
    assert f'data-act="{HOLD_OUT}"' in check_html(check(start(ready)[0]))
    with db.session() as session:
        session.get_one(Dataset, "d1").accepted = 199
    panel = check_html(check(start(ready)[0]))
    assert "No rows are held out" in panel
    assert f'data-act="{HOLD_OUT}"' not in panel


def test_a_preset_is_chosen_edited_and_taken_back(ready: dict[str, Any]) -> None:
    now = press(recipe_edits.choose_preset, "preset", "quick try", start(ready))
    assert (now[0]["max_steps"], marks(now)["max_steps"]) == (30, "preset: quick try")
    edited = ({**now[0], "max_steps": 31}, now[1])
    assert marks(edited)["max_steps"] == "you"
    assert marks(press(recipe_edits.put_back, "put back", "max_steps", edited)) == marks(now)
    remaining = press(recipe_edits.choose_preset, "preset", "quick try", edited)
    assert (remaining[0]["max_steps"], marks(remaining)) == (31, {"max_steps": "you"})
    cleared = press(recipe_edits.put_back, "put back", "max_steps", remaining)
    assert marks(cleared) == {}
    assert press(recipe_edits.put_back, "put back", "no_such_field", cleared) == cleared


def test_the_length_follows_the_model_and_the_unit_the_preset(ready: dict[str, Any]) -> None:
    event: Any = Click("preset", "quick try")
    _given, unit, *_ = recipe_edits.choose_preset(event, "", *form(start(ready)[0]))
    assert unit == "steps"
    small = after(recipe_edits.fit_model("", *form({**start(ready)[0], "model_id": "m2"})))
    assert (small[0]["max_length"], marks(small)) == (600, {"max_length": "model card"})
    large = after(recipe_edits.fit_model(small[1], *form({**small[0], "model_id": "m1"})))
    assert (large[0]["max_length"], marks(large)) == (1024, {})


def test_a_dataset_and_a_method_say_that_they_brought_what_changed(ready: dict[str, Any]) -> None:
    now = after(recipe_edits.fit_dataset("", *form({**start(ready)[0], "dataset_id": "d2"})))
    assert marks(now) == {"method": "dataset", "learning_rate": "method"}
    back = press(recipe_edits.put_back, "put back", "learning_rate", ({**now[0], "learning_rate": 0.5}, ""))
    assert (back[0]["learning_rate"], now[0]["learning_rate"]) == (2e-5, 2e-5)
    sft = press(recipe_edits.put_back, "put back", "method", now)
    assert (sft[0]["method"], sft[0]["learning_rate"]) == ("sft", 2e-4)


def test_an_answer_that_comes_late_takes_back_nothing_that_was_changed_meanwhile(ready: dict[str, Any]) -> None:
    handler = recipe_edits.leaving_the_rest(recipe_edits.fit_dataset)
    _, unit, *updates = handler("{}", *values_of({**ready, "method": "dpo"}))  # rows that are chats are not for it
    changed = {name: update["value"] for name, update in zip(FIELDS, updates, strict=True) if "value" in update}
    assert unit == "epochs"
    assert changed["method"] == "sft"
    assert set(changed) <= {"method", "learning_rate", "loss_type"}
    assert all("visible" in update for name, update in zip(FIELDS, updates, strict=True) if name == "beta")


def test_a_probe_puts_its_suggestion_into_the_form(ready: dict[str, Any]) -> None:
    now = after(recipe_edits.put({"per_device_train_batch_size": 2}, provenance.PROBE, "", *form(start(ready)[0])))
    assert marks(now) == {"per_device_train_batch_size": "probe"}


def test_marks_say_what_a_click_puts_back_and_where_the_field_is(ready: dict[str, Any]) -> None:
    now = press(recipe_edits.choose_preset, "preset", "smollm2", start(ready))
    html = marks_html(check(now[0]), now[0], provenance.from_json(now[1]))
    assert 'data-field="learning_rate" data-group="" data-from="preset: smollm2" data-back="2e-4 (default)"' in html
    assert f'data-field="lr_scheduler_type" data-group="{SECTION_OF["lr_scheduler_type"]}"' in html


def test_the_presets_that_fit_are_buttons_and_the_one_in_force_says_why(ready: dict[str, Any]) -> None:
    recipe, given = press(recipe_edits.choose_preset, "preset", "smollm2", start(ready))
    html = presets_html(check(recipe), recipe, provenance.from_json(given))
    for name in (*presets.PURPOSES, "smollm2"):
        assert f'data-id="{name}"' in html
    assert 'data-id="gemma"' not in html
    assert html.count('aria-pressed="true"') == 1
    assert "SmolLM2 sets 3 values." in html
    assert "The makers&#39; schedule." in html


@pytest.mark.parametrize(
    ("value", "words"),
    [(3e-4, "3e-4"), (1.5e-5, "1.5e-5"), (0.05, "0.05"), (True, "on"), (None, "automatic"), ("", "empty"), (7, "7")],
)
def test_values_are_written_as_people_write_them(value: Any, words: str) -> None:
    assert value_words(value) == words


# Saved recipes.


def menu(act: str, id: str, now: Answer, **values: str) -> tuple[str, Answer]:
    event: Any = Click(act, id, **values)
    answer = recipe_menu.act(event, now[1], *form(now[0]))
    return answer[0], after(answer)


def test_a_form_is_kept_and_used_for_another_model(ready: dict[str, Any], toasts: list[str]) -> None:
    html, same = menu("save", "", start(ready, learning_rate=1e-3, seed=9), name=" My chats ")
    assert same[0]["seed"] == 9
    assert 'data-id="My chats"' in html
    assert " open" in html
    assert "/api/recipes/saved/My%20chats/yaml" in html
    _, now = menu("use", "My chats", start({"model_id": "m2", "dataset_id": "d2"}))
    assert (now[0]["model_id"], now[0]["dataset_id"], now[0]["seed"]) == ("m2", "d2", 9)
    assert marks(now)["seed"] == "recipe: My chats"
    assert marks(now)["max_length"] == "model card"
    menu("rename", "My chats", now, name="Chats")
    assert saved.names() == ["Chats"]
    assert "Keep the form under a name" in menu("delete", "Chats", now)[0]
    assert toasts == ["My chats is kept."]


def test_a_recipe_from_elsewhere_asks_for_what_is_not_here(ready: dict[str, Any], toasts: list[str]) -> None:
    text = "model_id: <far>\ndataset_id: d2\nmethod: dpo\nbeta: 0.3\n"
    _, now = menu("import", "", start(ready), text=text)
    assert (now[0]["model_id"], now[0]["dataset_id"], now[0]["beta"]) == ("m1", "d2", 0.3)
    assert marks(now) == {"method": "file", "beta": "file"}
    assert "&lt;far&gt;, which is not here" in toasts[0]
    assert len(toasts) == 1


@pytest.mark.parametrize(
    ("act", "id", "values"),
    [
        ("import", "", {"text": "sead: 1"}),
        ("import", "", {}),
        ("use", "gone", {}),
        ("save", "", {"name": "../x"}),
        ("rename", "gone", {"name": "x"}),
    ],
)
def test_what_cannot_be_done_is_a_toast_and_changes_nothing(
    ready: dict[str, Any], toasts: list[str], act: str, id: str, values: dict[str, str]
) -> None:
    event: Any = Click(act, id, **values)
    answer = recipe_menu.act(event, "", *form(start(ready)[0]))
    assert all(update == gr.skip() for update in answer)
    assert len(toasts) == 1


def test_names_in_the_menu_are_text() -> None:
    saved.save("(a+b)", {})
    assert "&lt;" not in recipe_menu.menu_html()
    assert "%28a%2Bb%29" in recipe_menu.menu_html()


# The run remembers.


def test_a_run_keeps_where_its_values_came_from(ready: dict[str, Any]) -> None:
    now = press(recipe_edits.choose_preset, "preset", "quick try", start(ready, seed=3))
    request: Any = Visitor()
    id, _ = page.start(request, "press", "", "", "one", now[1], *form(now[0]))
    run = next(iter(every_run()))
    assert (run.id, run.repeats) == (id, None)
    quick = "preset: quick try"
    assert run.origins == {"max_steps": quick, "max_length": quick, "save_total_limit": quick, "seed": "you"}


def test_a_repeated_run_says_what_came_from_where(ready: dict[str, Any]) -> None:
    request: Any = Visitor()
    first, _ = page.start(request, "press", "", "", "one", "", *form(start(ready, seed=3)[0]))
    request.query_params = {"from": first}
    answer = page.open_form("", request)[: 4 + 2 + len(FIELDS)]
    now = after(answer)
    draft = json.dumps({"name": "x", "given": now[1], "form": dict(zip(FIELDS, form(now[0]), strict=True))})
    kept = after(page.open_form(draft, request)[: 4 + 2 + len(FIELDS)])
    assert kept == now
    edited = {**kept[0], "lora_r": 8}
    second, _ = page.start(request, "press 2", "", "", "two", kept[1], *form(edited))
    run = next(candidate for candidate in every_run() if candidate.id == second)
    assert (run.repeats, run.origins) == (first, {"seed": f"run: {first}", "lora_r": "you"})


def every_run() -> list[Any]:
    with db.reading() as session:
        return list(runs.recent(session))
