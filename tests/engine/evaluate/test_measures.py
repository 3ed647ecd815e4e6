"""What one answer is worth: known right values of each measure, and answers and schemas of strangers."""

import time
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from engine.errors import NotFoundError
from engine.evaluate.measures import calls, expected, likelihood, measures, numbers, overlap, schemas, text
from engine.evaluate.measures.expected import Expected
from engine.rows.verdict import Kind

FOX, DOG = "The quick brown fox jumps over the lazy dog", "The quick brown dog jumps on the log."
HOSTILE = (
    "(" * 200_000,
    "[" * 200_000,
    '{"a":' * 50_000,
    "<tool_call>" * 50_000,
    "<think>" * 50_000,
    "a" * 1_000_000,
    "a b " * 250_000,
    "1" * 500_000,
    "1," * 250_000,
    "1/" * 200_000,
    "3만" * 200_000,
    "일" * 200_000,
    "\u0000\ud800 \ufdfa" * 50_000,
    "-" * 300_000 + "1e999999999",
    "\n" * 500_000,
    "",
)


def worth(name: str, answer: str, right: str, **fields: Any) -> float | None:
    return measures.score(name, answer, Expected("chat", right, **fields))


@pytest.mark.parametrize(
    ("answer", "right", "same"),
    [
        ("Paris", "paris.", 1),
        ("  The  capital\nis Paris! ", "the capital is paris", 1),
        ("**Paris**", "Paris", 1),
        ("“서울”입니다", "서울", 0),
        ("ＡＢＣ１２", "abc12", 1),  # full width
        ("<think>\nIs it Rome?\n</think>\n\nParis", "Paris", 1),
        ("So it is Paris.\n</think>\nParis", "Paris", 1),  # the template began the thoughts
        ("<think>Paris", "Paris", 0),  # thoughts that never end
        ("-5", "5", 0),
        ("5%", "5", 0),
        ("C#", "C", 0),
        ("C++", "C", 0),
        ("!!!", "!!!", 1),
        ("", "Paris", 0),
        ("Straße", "STRASSE", 1),
    ],
)
def test_exact_match_forgives_case_blanks_and_punctuation_at_the_ends_alone(
    answer: str, right: str, same: float
) -> None:
    assert worth("exact_match", answer, right) == same


@pytest.mark.parametrize(
    ("answer", "number"),
    [
        ("17 plus 6 equals 23.", "23"),
        ("1,234.50 dollars", "1234.5"),
        ("It is -5", "-5"),
        ("pages 3-5", "5"),
        ("10 - 4 = 6", "6"),
        ("\u22127 degrees", "-7"),
        ("about 1e3", "1000"),
        ("3/4", "0.75"),
        ("#### 1,000", "1000"),
        ("version 2.0.", "2.0"),
        ("４２", "42"),
        ("３만 5천원", "35000"),
        ("3만 5천 200원입니다", "35200"),
        ("1억 2000만 원", "120000000"),
        ("2천", "2000"),
        ("이십삼입니다", "23"),
        ("정답은 삼만 오천원", "5000"),  # two words, two numbers
        ("삼만오천원", "35000"),
        ("스물세 명", "23"),
        ("답은 열둘이다", "12"),
        ("하나", "1"),
        ("no number at all", None),
        ("사람은 이 일을 합니다", None),
        ("", None),
    ],
)
def test_the_last_number_is_read_however_it_is_written(answer: str, number: str | None) -> None:
    found = numbers.last_number(answer)
    assert found == (None if number is None else Decimal(number))


def test_a_row_that_expects_no_number_is_not_measured_by_one() -> None:
    assert worth("number_match", "42", "forty-two") is None
    assert worth("number_match", "I do not know", "42") == 0
    assert worth("number_match", "17 + 6 is 23", "17 plus 6 equals 23.") == 1


def test_rouge_l_and_token_f1_are_those_of_the_known_packages() -> None:
    """rouge-score 0.1.2's own example: precision 5/8, recall 5/9; SQuAD's F1 without leaving out articles."""
    assert worth("rouge_l", DOG, FOX) == pytest.approx(0.588235, abs=1e-6)
    assert worth("token_f1", DOG, FOX) == pytest.approx(2 * 6 / 17)
    assert worth("rouge_l", "It's over; don't!", "it s over, don t") == 1  # as rouge-score splits words
    assert worth("rouge_l", FOX, FOX) == worth("token_f1", FOX, FOX) == 1
    assert worth("rouge_l", "", FOX) == worth("token_f1", "", FOX) == 0


def test_the_longest_common_sequence_is_that_of_the_table() -> None:
    assert overlap.longest_common("ABCBDAB", "BDCABA") == 4  # Cormen et al., figure 15.8
    assert overlap.longest_common("AGGTAB" * 60, "GXTXAYB" * 50) == _table("AGGTAB" * 60, "GXTXAYB" * 50)


def _table(first: str, second: str) -> int:
    row = [0] * (len(second) + 1)
    for a in first:
        before = row
        row = [0]
        for place, b in enumerate(second):
            row.append(before[place] + 1 if a == b else max(before[place + 1], row[place]))
    return row[-1]


def test_bleu_and_chrf_are_sacrebleus() -> None:
    """By hand: 6 of 9 words, 2 of 8 pairs, 1 of 7 triples, half of 1 of 6 fours; equally long."""
    assert worth("bleu", DOG, FOX) == pytest.approx(100 * (6 / 9 * 2 / 8 * 1 / 7 * 1 / 12) ** 0.25)
    assert worth("chrf", DOG, FOX) == pytest.approx(100 * _chrf(DOG, FOX))
    assert worth("bleu", FOX, FOX) == pytest.approx(100)
    assert worth("chrf", "서울입니다", "서울입니다") == pytest.approx(100)


def _chrf(answer: str, right: str) -> float:
    """Popović 2015, by the book: runs of 1 to 6 characters without blanks, recall counting twice."""
    precisions, recalls = [], []
    for size in range(1, 7):
        runs = [
            Counter(signs[n : n + size] for n in range(len(signs) - size + 1))
            for signs in (answer.replace(" ", ""), right.replace(" ", ""))
        ]
        common = (runs[0] & runs[1]).total()
        precisions.append(common / runs[0].total())
        recalls.append(common / runs[1].total())
    precision, recall = sum(precisions) / 6, sum(recalls) / 6
    return 5 * precision * recall / (4 * precision + recall)


def test_languages_without_spaces_are_compared_by_character() -> None:
    assert text.by_character("오늘은 날씨가 좋다")
    assert text.by_character("今天天气很好")
    assert text.by_character("今日はいい天気です")
    assert not text.by_character("The weather is fine, 좋다")
    assert worth("character_overlap", "날씨가 좋아요", "날씨가 좋다") == pytest.approx(2 * 4 / 11)
    assert worth("character_overlap", "今天", "今天。") == 1


def test_repetition_is_the_share_of_runs_that_came_before() -> None:
    assert worth("repetition", "one two three four five six", "x") == 0
    assert worth("repetition", "the end " * 50, "x") == pytest.approx(1 - 2 / 97)
    assert worth("repetition", "하하하하하하하하하하", "x") == pytest.approx(1 - 1 / 7)
    assert worth("repetition", "short", "x") == 0


def test_length_counts_characters() -> None:
    assert worth("length", "서울입니다", "x") == 5


@pytest.mark.parametrize(
    ("answer", "valid"),
    [
        ('{"a": 1}', 1),
        ('```json\n{"a": 1}\n```', 1),
        ('Here: {"a": 1}', 0),
        ("NaN", 0),
        ("", 0),
        ("[1, 2", 0),
        ("3", 1),
    ],
)
def test_valid_json_is_json_and_nothing_else(answer: str, valid: float) -> None:
    assert worth("json_valid", answer, "") == valid


def test_the_same_json_is_the_same_value() -> None:
    assert worth("json_match", '{"b": [1.0, true], "a": "x"}', '{"a":"x","b":[1,true]}') == 1
    assert worth("json_match", '{"a": 1}', '{"a": true}') == 0
    assert worth("json_match", "[1]", "not JSON") is None


SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}, "tags": {"type": "array", "uniqueItems": True}},
    "patternProperties": {"^x_": {"type": "integer"}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("answer", "fits"),
    [
        ('{"name": "Ann"}', 1),
        ('{"name": "ann"}', 0),
        ("{}", 0),
        ('{"name": "Ann", "x_1": 3}', 1),
        ('{"name": "Ann", "x_1": "3"}', 0),
        ('{"name": "Ann", "other": 3}', 0),
        ('{"name": "Ann", "tags": [1, 2, 1.0]}', 0),
        ('{"name": "Ann", "tags": [1, true, "1"]}', 1),
        ("Ann", 0),
    ],
)
def test_an_answer_fits_a_schema_or_does_not(answer: str, fits: float) -> None:
    assert worth("json_schema", answer, "", schema=SCHEMA) == fits


def _doubling(levels: int, keyword: str) -> dict[str, Any]:
    step = [{keyword: [{"$ref": f"#/$defs/{n + 1}"}, {"$ref": f"#/$defs/{n + 1}"}]} for n in range(levels)]
    return {"$ref": "#/$defs/0", "$defs": {str(n): schema for n, schema in enumerate([*step, {"type": "null"}])}}


@pytest.mark.parametrize(
    "schema",
    [
        {"pattern": "^(a+)+$"},
        {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False},
        {"pattern": "(?<=a)b"},  # RE2 does not know it
        {"$ref": "#"},
        {"$ref": "https://example.com/schema.json"},
        _doubling(40, "anyOf"),
        _doubling(40, "oneOf"),
        _doubling(40, "allOf") | {"unevaluatedProperties": False},
        {"type": "nothing"},
        {"multipleOf": 1e-300},
        {"enum": list(range(20_000))},
        {"properties": {"a" * 200_000: {}}},
        [],
        "text",
    ],
)
def test_a_strangers_schema_ends_within_a_moment(schema: Any) -> None:
    started = time.process_time()
    assert worth("json_schema", '{"' + "a" * 3000 + '!": 1e300}', "", schema=schema) in (None, 0.0, 1.0)
    if "enum" in str(schema) or "attern" in str(schema):
        assert worth("json_schema", '"' + "a" * 5000 + '!"', "", schema=schema) in (None, 0.0, 1.0)
    assert time.process_time() - started < 10


def test_many_objects_in_a_list_are_compared_in_a_moment() -> None:
    value = [{"a": [number % 2, {}]} for number in range(2000)]
    assert schemas.fits(value, {"uniqueItems": True}) == 0


def test_a_regular_expression_is_found_and_a_hostile_one_ends() -> None:
    assert worth("regex", "It costs 12 euros", "", pattern=r"\d+ euros") == 1
    assert worth("regex", "It is free", "", pattern=r"\d+ euros") == 0
    assert worth("regex", "a" * 10_000 + "!", "", pattern=r"^(a+)+$") == 0
    assert worth("regex", "x", "", pattern="(") is None
    assert worth("regex", "x", "", pattern=r"(?=x)x") is None
    assert worth("regex", "x", "") is None


WEATHER = {"name": "weather", "arguments": {"city": "Busan", "days": 2}}


@pytest.mark.parametrize(
    "answer",
    [
        '<tool_call>\n{"name": "weather", "arguments": {"days": 2.0, "city": "Busan "}}\n</tool_call>',
        'I look.\n<tool_call>{"name": "weather", "arguments": "{\\"city\\": \\"Busan\\", \\"days\\": 2}"}</tool_call>',
        '[TOOL_CALLS] [{"name": "weather", "arguments": {"city": "Busan", "days": 2}}]',
        '<|python_tag|>{"name": "weather", "parameters": {"city": "Busan", "days": 2}}',
        '{"type": "function", "function": {"name": "weather", "arguments": {"city": "Busan", "days": 2}}}',
        '<function=weather>{"city": "Busan", "days": 2}</function>',
        '```json\n{"name": "weather", "arguments": {"city": "Busan", "days": 2}}\n```',
        '<think>\nweather?\n</think>\n<tool_call>{"name": "weather", "arguments": {"city": "Busan", "days": 2}}',
    ],
)
def test_a_tool_call_is_read_in_the_ways_models_write_it(answer: str) -> None:
    assert calls.found(answer)
    assert worth("tool_name", answer, "", calls=[WEATHER]) == 1
    assert worth("tool_arguments", answer, "", calls=[WEATHER]) == 1


def test_another_tool_other_arguments_or_one_call_too_many_is_wrong() -> None:
    call = '<tool_call>{"name": "weather", "arguments": {"city": "Seoul", "days": 2}}</tool_call>'
    assert worth("tool_name", call, "", calls=[WEATHER]) == 1
    assert worth("tool_arguments", call, "", calls=[WEATHER]) == 0
    assert worth("tool_name", call + call, "", calls=[WEATHER]) == 0
    assert worth("tool_name", "The weather is fine", "", calls=[WEATHER]) == 0
    assert worth("tool_name", call, "no call expected") is None


@pytest.mark.parametrize("answer", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_answer_takes_a_moment_and_no_more(answer: str) -> None:
    started = time.process_time()
    for name in measures.MEASURES:
        for right in (FOX, answer):
            row = Expected("chat", right, calls=[WEATHER], schema=SCHEMA, pattern="(a+)+b")
            value = measures.score(name, answer, row)
            assert value is None or value == value
    assert time.process_time() - started < 40


@pytest.mark.parametrize(
    ("kind", "values", "answer", "prompt"),
    [
        (
            "chat",
            {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]},
            "Hello",
            "Hi",
        ),
        ("completion", {"prompt": "2 + 2 =", "completion": "4"}, "4", "2 + 2 ="),
        ("text", {"text": "Once upon a time"}, "Once upon a time", ""),
        (
            "preference",
            {
                "prompt": [{"role": "user", "content": "Hi"}],
                "chosen": [{"role": "assistant", "content": "Hello"}],
                "rejected": [{"role": "assistant", "content": "Go"}],
            },
            "Hello",
            "Hi",
        ),
        (
            "unpaired",
            {
                "prompt": [{"role": "user", "content": "Hi"}],
                "completion": [{"role": "assistant", "content": "Go"}],
                "label": False,
            },
            "Go",
            "Hi",
        ),
        ("prompt", {"prompt": [{"role": "user", "content": "Hi"}]}, "", "Hi"),
        ("stepwise", {"prompt": "1+1", "completions": ["one", "two"], "labels": [True, False]}, "one\ntwo", "1+1"),
    ],
)
def test_what_a_row_of_each_kind_expects(kind: Kind, values: dict[str, Any], answer: str, prompt: str) -> None:
    found = expected.of(kind, values)
    assert (found.answer, found.prompt, found.label) == (answer, prompt, values.get("label"))


def test_calls_schemas_and_patterns_are_read_from_a_row() -> None:
    call = {"type": "function", "function": WEATHER}
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "", "tool_calls": [call]}]
    extra = {"response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}, "pattern": "a+"}
    found = expected.of("chat", {"messages": turns, "extra": extra})
    assert (found.calls, found.schema, found.pattern) == ((WEATHER,), SCHEMA, "a+")
    assert expected.of("chat", {"messages": turns, "extra": {"schema": "not JSON"}}).schema is None


def test_margins_of_unpaired_rows_are_those_of_good_less_bad_however_many_there_are() -> None:
    found = likelihood.unpaired_margins([-1.0, -2.0, -3.0, -6.0], [True, True, True, False])
    assert sum(found) / 4 == pytest.approx(-2.0 + 6.0)
    all_less_likely = likelihood.unpaired_margins([-2.0, -3.0, -4.0, -7.0], [True, True, True, False])
    assert sum(all_less_likely) == pytest.approx(sum(found))
    assert likelihood.unpaired_margins([-1.0, -2.0], [True, True]) == [-1.0, -2.0]
    assert likelihood.unpaired_margins([-1.0, -2.0], [False, False]) == [1.0, 2.0]
    assert likelihood.preference(-1.0, -3.0) == (1.0, 2.0)
    assert likelihood.preference(-1.0, -1.0) == (0.0, 0.0)


def test_a_measure_that_does_not_exist_is_named_with_those_that_do() -> None:
    assert measures.look_up("reward:length").title == "Reward length"
    with pytest.raises(NotFoundError, match="no measure `rouge_7`"):
        measures.look_up("rouge_7")
