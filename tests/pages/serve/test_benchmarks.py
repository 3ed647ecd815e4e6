"""The benchmarks on the Serve page: what is listed, compared and drawn, and what its forms do."""

import re
from pathlib import Path
from typing import Any

import pytest

from engine.benchmarks import benchmarks, tuner
from pages.serve import benchmark_chart, benchmark_form
from pages.serve.benchmarks_view import act, benchmarks_html
from storage import benchmarks as stored
from storage import db
from storage.statuses import WorkStatus
from storage.tables import Backend, Benchmark, Tuner
from tests import tunable_endpoint, tunable_server
from tests.pages.clicks import Click

PROJECT = {"project": "default"}


def level(concurrency: int, tokens: float, **more: Any) -> dict[str, Any]:
    names = ("ttft", "tpot", "itl", "e2el")
    times = {f"{part}_{name}_ms": 12.0 for name in names for part in ("median", "p95", "p99")}
    plain = {"concurrency": concurrency, "rate": None, "request_throughput": 2.0, "request_goodput": None, "failed": 0}
    return {**plain, **times, "output_throughput": tokens, "errors": {}, "error_examples": {}, **more}


def stored_benchmark(id: str, *levels: dict[str, Any], **more: Any) -> Benchmark:
    load = {"concurrency": [1, 4], "rate": None, "until_saturated": False, "prompts": 64, "seconds": None,
            "dataset_id": None, "input_tokens": 128, "output_tokens": 64}  # fmt: skip
    facts = {"kind": "vllm", "options": {"max_num_seqs": 4}, "trainings": ["<b>Sums</b>"],
             "machine": {"cpu": "A CPU", "cores": 2}}  # fmt: skip
    names = {"project_id": "default", "endpoint_id": "e", "endpoint_name": "jokes", "model": "jokes"}
    result = {"levels": list(levels), "saturates_at": 4}
    plain = {**names, "load": load, "facts": facts, "status": WorkStatus.SUCCEEDED, "result": result}
    row = Benchmark.model_validate({"id": id, **plain, **more})
    with db.session() as session:
        session.add(row)
    return row


def test_without_anything_to_measure_there_is_no_section() -> None:
    assert benchmarks_html(PROJECT) == ""


def test_the_newest_benchmark_is_shown_with_its_levels_and_what_ran_beside_it() -> None:
    stored_benchmark("aaaa11", level(1, 40), level(4, 130, failed=3, errors={"http 503": 3}))
    shown = benchmarks_html(PROJECT)
    assert "1, 4 at once, 64 requests: 128 tokens in, 64 out" in shown
    assert "vllm Answers at once: 4" in shown
    assert "It saturates at 4 requests at once" in shown
    assert "4 at once: 3 failed: http 503." in shown
    assert "Training &lt;b&gt;Sums&lt;/b&gt; was running." in shown
    assert "A CPU, 2 cores" in shown
    assert shown.count("<svg") == 2
    assert 'href="/api/benchmarks/download?ids=aaaa11&amp;format=csv"' in shown


def test_chosen_ones_stand_side_by_side_with_ratios_and_a_line_each() -> None:
    stored_benchmark("aaaa11", level(1, 40), level(4, 100))
    stored_benchmark("bbbb22", level(1, 60), level(4, 150), through="gateway")
    shown = benchmarks_html({**PROJECT, "benchmarks": "aaaa11,bbbb22"})
    assert "1.50 x" in shown
    assert "Some went through the gateway" in shown
    assert shown.count("<polyline") == 4
    alone = benchmarks_html({**PROJECT, "benchmarks": "aaaa11"})
    assert '/serve?benchmarks=aaaa11%2Cbbbb22"' in alone  # Compare
    assert "<h3>Compared</h3>" not in benchmarks_html({**PROJECT, "benchmarks": "nope,<x>"})


@pytest.mark.parametrize(("most", "top"), [(0.9, 1.0), (1.0, 1.0), (37, 40), (130, 160), (999, 1000), (0.003, 0.0032)])
def test_a_chart_ends_at_a_round_number_above_its_greatest_value(most: float, top: float) -> None:
    assert benchmark_chart.nice_top(most) == pytest.approx(top)


def test_one_level_is_no_chart() -> None:
    assert benchmark_chart.charts([benchmarks.describe(stored_benchmark("aaaa11", level(1, 40)))]) == ""


def test_the_form_measures_a_name_and_its_buttons_stop_and_delete(tmp_path: Path, toasts: list[str]) -> None:
    with tunable_server.running(tmp_path) as socket:
        endpoint = tunable_endpoint.served(socket)
        shown = benchmarks_html(PROJECT)
        assert f'<option value="{endpoint.id} jokes:base">jokes:base</option>' in shown
        values = {"model": f"{endpoint.id} jokes:base", "concurrency": "2", "prompts": "400", "output_tokens": "5"}
        act(Click("measure", "", **values), None)
        with db.reading() as session:
            [row] = stored.recent(session)
        assert (row.model, row.load["concurrency"], row.load["prompts"]) == ("jokes:base", [2], 400)
        assert 'data-act="stop"' in benchmarks_html(PROJECT)
        act(Click("measure", "", **values), None)
        assert "is under way" in toasts[0]
        act(Click("stop", row.id), None)
    assert benchmarks.look_up(row.id).status == WorkStatus.STOPPED
    act(Click("delete", row.id), None)
    with db.reading() as session:
        assert stored.count(session) == 0


def test_what_is_filled_in_wrongly_is_a_toast(toasts: list[str]) -> None:
    for values, said in (
        ({"concurrency": "x"}, "is not a number of requests at once"),
        ({"goodput": "ttft"}, "is not an objective"),
        ({"goodput": "speed=1"}, "load is not valid"),
        ({"prompts": "many"}, "cannot be the requests of a level"),
        ({"rate": "fast"}, "cannot be a number of requests a second"),
    ):
        act(Click("measure", "", **{"model": "e jokes", "concurrency": "1", **values}), None)
        assert said in toasts[-1]


def test_a_tuner_shows_its_variants_and_offers_the_best(tmp_path: Path, toasts: list[str]) -> None:
    endpoint = tunable_endpoint.served(str(tmp_path / "s"), "vllm")
    with db.reading() as session:
        ready = benchmark_form.answering(session, "default")
    form = str(benchmark_form.tuner_form(ready))
    assert "max_num_seqs=4,16,64" in form
    values = {"endpoint_id": endpoint.id, "options": "max_num_seqs=2,4", "concurrency": "4", "where": "in_place"}
    act(Click("tune", "", **values), None)
    assert toasts == []
    shown = benchmarks_html(PROJECT)
    assert "Variant 1 of 3 is about to start. The endpoint does not answer meanwhile." in shown
    with db.session() as session:
        [row] = stored.tuners(session)
        found = {"failed": 0, "p99_ttft_ms": 9.0, "median_tpot_ms": 3.0}
        row.variants = [{**variant, "status": "succeeded", "score": 10.0 * (place + 1), "numbers": found}
                        for place, variant in enumerate(row.variants)]  # fmt: skip
        row.stage, row.status = "over", WorkStatus.SUCCEEDED
    shown = benchmarks_html(PROJECT)
    assert "Best: Answers at once: 4, 3.00 times the present." in shown
    assert re.search(r'data-act="apply-tuner"[^>]*data-confirm="Deploy jokes with Answers at once: 4\?"', shown)
    act(Click("delete-tuner", row.id), None)
    with db.reading() as session:
        assert session.get(Tuner, row.id) is None
        assert session.get(Backend, endpoint.active_backend_id) is not None
    assert tuner.OVER == "over"


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_a_level_without_a_number_is_left_out_and_the_axes_have_names(odd: float) -> None:
    levels = [level(1, 40), level(2, odd), level(4, 100)]
    drawn = benchmark_chart.charts([{"name": "jokes", "levels": levels}])
    assert drawn.count("<circle") == 2 + 3
    assert "nan" not in drawn
    assert "inf" not in drawn
    for name in (">Tokens/s</text>", ">Milliseconds</text>"):
        assert drawn.count(name) == 1
