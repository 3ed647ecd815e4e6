"""Evaluations side by side, and as files for other programs."""

import csv
import io
import json
from typing import Any

from engine.evaluate import comparison
from tests import fixed_reports


def described(name: str, **changes: Any) -> dict[str, Any]:
    result = fixed_reports.succeeded(**changes)
    return {"id": name, "name": name, "subject": "run:r1", "against": "model:m1", "result": result}


def test_every_metric_of_any_is_once_there_those_that_decide_first_and_skills_last() -> None:
    found = comparison.metrics_of([fixed_reports.no_proof(), fixed_reports.succeeded(primary="nll")])
    names = [metric["name"] for metric, _ in found]
    assert names == ["exact_match", "nll", "token_f1", "repetition", "chrf", "length", "skills"]
    assert [bool(one) for one in dict(zip(names, (each for _, each in found), strict=True))["nll"]] == [False, True]


def test_what_can_hardly_be_compared_is_said() -> None:
    assert comparison.warnings([fixed_reports.succeeded(), fixed_reports.no_proof()]) == []
    others = [fixed_reports.succeeded(), fixed_reports.succeeded(dataset_name="jokes", against="run:r2")]
    first, second = comparison.warnings(others)
    assert "not measured on the same rows" in first
    assert "compared against different models" in second


def test_csv_has_a_line_for_each_metric_and_nothing_in_it_is_a_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(comparison.as_csv([described("=cmd()"), described("b", skills=None)]))))
    assert len(rows) == 6 + 1 + 6
    assert rows[0]["name"] == "'=cmd()"
    assert (rows[0]["metric"], rows[0]["decides"], rows[0]["low"]) == ("exact_match", "True", "0.775")
    assert (rows[2]["metric"], rows[2]["difference"]) == ("nll", "-2.19")
    assert rows[6]["metric"] == "skills"


def test_json_has_everything() -> None:
    read = json.loads(comparison.as_json(described("a")))
    assert read["result"]["worse_rows"] == fixed_reports.BETTER["worse_rows"]
