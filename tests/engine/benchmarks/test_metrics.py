"""The numbers of a benchmark: vLLM's formulas, goodput, saturation, comparison, export."""

import csv
import io
import json
import math
from itertools import pairwise
from typing import Any

import pytest
from pydantic import ValidationError

from engine.benchmarks import comparison, metrics
from engine.benchmarks.load import Load
from engine.benchmarks.metrics import Answer
from engine.workers.benchmarks import levels


def answer(started: float = 0.0, ttft: float = 0.1, gaps: tuple[float, ...] = (0.02, 0.04), **more: Any) -> Answer:
    tokens = len(gaps) + 1
    return Answer(started, ttft + sum(gaps), ttft, gaps, prompt_tokens=10, output_tokens=tokens, **more)


def test_times_and_speeds_are_those_of_vllm_bench_serve() -> None:
    """Checked by hand against vllm/benchmarks/serve.py, calculate_metrics, of 0.32."""
    found = metrics.summary([answer(), answer(1.0, 0.3, (0.06, 0.1)), Answer(2, 9, error="timeout")], 2.0, {})
    assert (found["completed"], found["failed"], found["errors"]) == (2, 1, {"timeout": 1})
    assert (found["total_input_tokens"], found["total_output_tokens"]) == (20, 6)
    assert (found["request_throughput"], found["output_throughput"], found["total_token_throughput"]) == (1, 3, 13)
    assert found["mean_ttft_ms"] == pytest.approx(200)
    assert found["mean_tpot_ms"] == pytest.approx((30 + 80) / 2)
    assert found["median_itl_ms"] == pytest.approx(50)  # of 20, 40, 60, 100: the times between all pieces together
    assert found["mean_e2el_ms"] == pytest.approx((160 + 460) / 2)
    assert found["p99_ttft_ms"] == pytest.approx(100 + 0.99 * 200)
    assert found["std_ttft_ms"] == pytest.approx(100)
    assert found["request_goodput"] is None


def test_goodput_counts_the_requests_that_keep_every_part_of_the_objective() -> None:
    answers = [answer(), answer(ttft=0.3), answer(gaps=(0.2, 0.2)), Answer(0, 0.01, error="http 503")]
    assert metrics.summary(answers, 2.0, {"ttft": 200})["request_goodput"] == 1.0
    assert metrics.summary(answers, 2.0, {"ttft": 200, "tpot": 50})["request_goodput"] == 0.5
    assert metrics.summary(answers, 2.0, {"e2el": 1})["request_goodput"] == 0


def test_without_a_whole_answer_there_are_no_times_rather_than_zeros() -> None:
    found = metrics.summary([Answer(0, 1, error="timeout")], 1.0, {})
    assert (found["mean_ttft_ms"], found["p99_e2el_ms"], found["output_throughput"]) == (None, None, 0)


def test_an_answer_of_one_token_has_no_time_per_output_token() -> None:
    found = metrics.summary([answer(gaps=()), answer(gaps=(0.03,))], 1.0, {})
    assert found["mean_tpot_ms"] == pytest.approx(30)


def level(concurrency: int | None, throughput: float, **more: Any) -> dict[str, Any]:
    rate = None if concurrency else 2.5
    return {
        "concurrency": concurrency,
        "rate": rate,
        "output_throughput": throughput,
        "completed": 9,
        "errors": {},
        **more,
    }


@pytest.mark.parametrize(
    ("throughputs", "at"),
    [((100, 190, 195, 196), 2), ((100, 200, 400, 800), None), ((100, 90), 1), ((100,), None), ((0, 0), 1)],
)
def test_it_saturates_where_doubling_adds_less_than_five_percent(throughputs: Any, at: int | None) -> None:
    found = [level(2**place, throughput) for place, throughput in enumerate(throughputs)]
    assert metrics.saturates_at(found) == at


def test_steps_larger_than_a_doubling_must_add_more() -> None:
    assert metrics.saturates_at([level(1, 100), level(4, 109)]) == 1  # 5 % for each of two doublings is 10.25 %
    assert metrics.saturates_at([level(1, 100), level(4, 111)]) is None
    assert metrics.saturates_at([level(None, 100), level(None, 50)]) is None
    died = level(2, 0, completed=0, errors={"connection": 9})
    assert metrics.saturates_at([level(1, 100), died]) is None  # a server that died tells nothing of its limit


def test_most_at_once_is_counted_by_the_moments() -> None:
    assert metrics.most_at_once([Answer(0, 1), Answer(0.5, 1), Answer(1, 1), Answer(5, 1)]) == 2


def benchmark(id: str, *levels: dict[str, Any], **load: Any) -> dict[str, Any]:
    facts = {"machine": {"cpu": "A"}, "options": {"max_num_seqs": 4}, "beside": []}
    return {"id": id, "name": id, "model": "jokes", "through": "backend", "created_at": 1.0, "facts": facts,
            "load": {"input_tokens": 128, **load}, "levels": list(levels)}  # fmt: skip


def test_benchmarks_stand_side_by_side_with_the_ratio_to_the_first() -> None:
    compared = comparison.compare([
        benchmark("a", level(1, 100, median_ttft_ms=50), level(4, 300)),
        benchmark("b", level(1, 150, median_ttft_ms=25)),
    ])  # fmt: skip
    assert compared["warnings"] == []
    rows = {(row["level"], row["metric"]): (row["values"], row["ratios"]) for row in compared["rows"]}
    assert rows["1 at once", "output_throughput"] == ([100, 150], [1, 1.5])
    assert rows["1 at once", "median_ttft_ms"] == ([50, 25], [1, 0.5])
    assert rows["4 at once", "output_throughput"] == ([300, None], [1, None])
    assert ("4 at once", "median_ttft_ms") not in rows


def test_what_makes_a_comparison_unfair_is_said() -> None:
    one, other = benchmark("a", level(1, 1)), benchmark("b", level(1, 1), input_tokens=256)
    other["facts"] = {"machine": {"cpu": "B"}, "beside": ["Training x was running."]}
    other["through"], other["load"]["goodput"] = "gateway", {"ttft": 200.0}
    begun = benchmark("c", level(1, 1))  # what it is measured on is not known yet
    begun["facts"] = {"beside": []}
    assert comparison.warnings([one, begun]) == []
    assert comparison.warnings([one, other]) == [
        "The loads differ: input_tokens is 128 and 256.",
        "The loads differ: goodput is none and ttft 200.",
        "They were measured on different machines.",
        "Some went through the gateway, others straight to the backend.",
        "Other work was under way during b.",
    ]


def test_csv_has_a_line_for_each_level_and_json_has_everything() -> None:
    one = benchmark("a", level(1, 100.5, runs=[1]), level(None, 7, errors={"timeout": 2}))
    lines = list(csv.DictReader(io.StringIO(comparison.as_csv([one]))))
    assert [line["output_throughput"] for line in lines] == ["100.5", "7"]
    assert (lines[0]["options"], lines[1]["errors"], lines[1]["rate"]) == ('{"max_num_seqs": 4}', "timeout: 2", "2.5")
    assert json.loads(comparison.as_json(one))["levels"][0]["runs"] == [1]
    assert comparison.as_csv([]) == "benchmark\n"


def test_requests_come_at_random_moments_of_the_rate_and_the_seed_repeats_them() -> None:
    moments = levels.moments(50, 4000, seed=3)
    assert moments == levels.moments(50, 4000, seed=3) != levels.moments(50, 4000, seed=4)
    assert moments[-1] == pytest.approx(80)
    gaps = [after - before for before, after in pairwise(moments)]
    assert math.fsum(gap > 0.02 for gap in gaps) / len(gaps) == pytest.approx(math.exp(-1), abs=0.03)  # exponential


@pytest.mark.parametrize(
    "wrong",
    [{"rate": 1, "concurrency": [1]}, {"rate": 1, "until_saturated": True}, {"concurrency": []}, {"concurrency": [0]},
     {"rate": float("nan")}, {"goodput": {"ttft": 0}}, {"goodput": {"speed": 1}}, {"prompts": 0}, {"other": 1}],
)  # fmt: skip
def test_a_load_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Load.model_validate(wrong)


def test_a_load_fills_in_what_is_not_said() -> None:
    assert (Load().levels(), Load().requests()) == ((1, 4, 16), 64)
    assert Load(concurrency=(8, 2, 8)).levels() == (2, 8)
    assert Load(seconds=5).requests() == 100_000
    assert Load(rate=2).levels() == ()
