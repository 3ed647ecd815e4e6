"""The panel of what a training takes: estimated, measured, suggested; and what its buttons do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from engine.accounts import prices
from engine.errors import NotFoundError
from engine.fit import past_probes, speed
from engine.fit.measurement import Measured
from engine.process import devices, plan, work
from engine.recipes import provenance
from pages.system import machine_view
from pages.train import fit_view
from pages.train.recipe_check import check
from pages.train.recipe_form import FIELDS, recipe_of, values_of
from storage import db
from storage.statuses import WorkStatus
from storage.tables import Dataset, Model, Work
from tests.engine.fit.fitting import done, furnish, recipe
from tests.engine.train import fake_probe
from tests.pages.clicks import Click

RECIPE: dict[str, Any] = recipe().model_dump()


@pytest.fixture(autouse=True)
def furnished(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Model, Dataset]]:
    monkeypatch.setitem(plan.WORKERS, "fit_probe", "tests.engine.train.fake_probe")
    yield furnish(tmp_path)
    for job in work.about("d1"):
        work.stop(job.id)


def panel(**fields: Any) -> str:
    return fit_view.fit_html(check(recipe_of(values_of(RECIPE | fields))))


def clicked(act: str, **fields: Any) -> list[Any]:
    """[given, the unit, an update for every field]."""
    return fit_view.act(Click(act), "", *values_of(RECIPE | fields))


def probed(measured: Measured) -> Work:
    return done(past_probes.KIND, "d1", {"recipe": past_probes.probed_fields(recipe())}, measured.model_dump())


def test_at_first_everything_is_an_estimate_and_can_be_measured() -> None:
    html = panel()
    assert html.count('data-source="estimate"') == 3
    assert "timing this machine once" in html
    assert 'data-act="measure"' in html
    done(speed.KIND, speed.SUBJECT, {"device": "cpu", "bf16": False}, {"flops": 1e9})
    assert "for 10 steps" in panel()
    assert "a product of matrices timed on this machine" in panel()


def test_cost_is_said_where_the_project_has_a_price_and_what_is_not_known_is_said_so() -> None:
    done(speed.KIND, speed.SUBJECT, {"device": "cpu", "bf16": False}, {"flops": 1e9})
    assert "<dt>Cost</dt>" not in panel()
    prices.set_prices("default", prices.Prices(0.4, None, "<EUR>"))
    assert "<dt>Cost</dt><dd><b>not known yet</b>" in panel()
    assert "Energy is known after the first run here." in panel()
    prices.set_prices("default", prices.Prices(0.4, 36_000.0, "<EUR>"))
    assert "&lt;EUR&gt; for the device</b>" in panel()


def test_a_form_that_does_not_hold_has_no_panel() -> None:
    assert panel(learning_rate=7) == ""
    assert panel(model_id="nothing") == ""


def test_measure_begins_a_probe_and_the_panel_follows_it() -> None:
    assert all(update == gr.skip() for update in clicked("measure"))
    (job,) = work.about("d1")
    html = panel()
    assert f"/fragments/train/fit?work={job.id}" in html
    assert 'data-act="stop_measuring"' in html
    assert "progressbar" in fit_view.fragment({"work": job.id})
    assert "A measurement before a training" in machine_view.machine_html({})
    clicked("stop_measuring")
    assert work.look_up(job.id).status == WorkStatus.STOPPED
    assert "data-done" in fit_view.fragment({"work": job.id})
    assert 'data-act="measure"' in panel()


def test_a_busy_device_is_said_in_a_toast(toasts: list[str]) -> None:
    with db.session() as session:
        devices.take(session, devices.on_this_machine(), devices.DeviceRequest("run", "a-run", exclusive=True))
    clicked("measure")
    assert "is using the device" in toasts[0]
    assert work.about("d1") == []


def test_measured_numbers_stand_beside_the_estimate() -> None:
    probed(fake_probe.measured(4, 1, 128))
    html = panel()
    assert html.count('data-source="measured"') == 2
    assert "900 MB of 2 GB" in html
    assert "The estimate was" in html
    assert "Largest batch that fits: <b>15</b> (calculated from two measured batches)" in html
    assert "So it fits." in html
    assert 'data-act="measure"' not in html


def test_apply_puts_the_suggestion_into_the_form_and_says_where_it_is_from() -> None:
    probed(fake_probe.measured(4, 2, 128, fits=False))
    html = panel()
    assert "Batch size 2, Gradient accumulation 4, Gradient checkpointing off" in html
    assert 'data-act="apply_fit"' in html
    given, _unit, *updates = clicked("apply_fit")
    values = dict(zip(FIELDS, [update["value"] for update in updates], strict=True))
    assert (values["per_device_train_batch_size"], values["gradient_accumulation_steps"]) == (2, 4)
    shown = provenance.origins_to_show(recipe_of(list(values.values())), provenance.from_json(given))
    assert shown["per_device_train_batch_size"] == provenance.PROBE
    applied = fit_view.fit_html(check(recipe_of(list(values.values()))))
    assert "700 MB of 2 GB" in applied  # what was tried is known
    assert 'data-source="measured"' in applied


def test_a_failed_probe_says_why_and_can_be_tried_again() -> None:
    failed = probed(fake_probe.measured(4, 1, 128))
    with db.session() as session:
        row = session.get_one(Work, failed.id)
        row.status, row.error, row.hint = WorkStatus.FAILED, "<b>No</b> rows.", "Add some."
    html = panel()
    assert "&lt;b&gt;No&lt;/b&gt; rows." in html
    assert 'data-act="measure"' in html


def test_only_measurements_are_shown_by_the_live_part() -> None:
    other = done("health", "d1", {}, {})
    for job_id in (other.id, "nothing"):
        with pytest.raises(NotFoundError):
            fit_view.fragment({"work": job_id})
