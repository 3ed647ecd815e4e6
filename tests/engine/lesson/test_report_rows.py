"""What the report on the lesson asks was never taught."""

import json

from engine.lesson import addition_rows, report_rows


def test_no_sum_of_the_report_is_taught_in_either_order() -> None:
    taught = {frozenset(pair) for pair in addition_rows.pairs()}
    asked = report_rows.pairs()
    assert len(asked) == len({frozenset(pair) for pair in asked}) == report_rows.ROWS
    assert not taught & {frozenset(pair) for pair in asked}
    assert set(addition_rows.KEPT_OUT) <= set(asked)
    first = json.loads(report_rows.lines().splitlines()[0])
    a, b = asked[0]
    assert first["messages"][1]["content"] == f"{a} plus {b} equals {a + b}."
