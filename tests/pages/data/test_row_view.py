"""One row of each kind, as it is shown."""

from typing import Any

from pages.data import row_view

HOSTILE = "<img src=x onerror=alert(1)>"


def shown(**row: Any) -> str:
    return str(row_view.row_html(row))


def test_completions_texts_and_unknown_columns_are_shown() -> None:
    pair = shown(prompt="Q", completion="A", row=7)
    assert 'title="Row in the file">7<' in pair
    assert 'data-side="user"><b>prompt</b><p>Q</p>' in pair
    assert 'data-side="assistant"><b>completion</b><p>A</p>' in pair
    assert "<p>{\n  &#34;a&#34;: 1\n}</p>" in shown(odd={"a": 1})


def test_a_huge_message_is_cut_and_says_so() -> None:
    html = shown(text="x" * (row_view.LONGEST_SHOWN + 1500))
    assert "1,500 more characters" in html
    assert len(html) < row_view.LONGEST_SHOWN + 700
    assert "and 40 more turns" in shown(messages=[{"role": "user", "content": "x"}] * 100)


def test_calls_of_tools_their_results_and_turns_for_context_only_are_told_apart() -> None:
    call = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Paris", "days": 3}}}
    turns = [
        {"role": "user", "content": HOSTILE},
        {"role": "assistant", "content": "", "tool_calls": [call], "train": False},
        {"role": "tool", "content": "18", "name": "weather", "tool_call_id": "1"},
    ]
    html = shown(messages=turns, tools=[{"type": "function", "function": {"name": "weather"}}], extra={"id": 5})
    assert "weather(city=&#34;Paris&#34;, days=3)" in html
    assert html.count("context only") == 1
    assert 'data-side="tool"><b>tool <code>weather</code>' in html
    assert "1 tool: weather" in html
    assert "not learnt: id" in html
    assert "<img" not in html


def test_preferences_stand_side_by_side_below_what_was_asked() -> None:
    html = shown(
        prompt=[{"role": "user", "content": "Q"}],
        chosen=[{"role": "assistant", "content": "good"}],
        rejected=[{"role": "assistant", "content": "bad"}],
    )
    assert html.index("<p>Q</p>") < html.index("<h3>chosen</h3>") < html.index("<p>good</p>")
    assert html.index("<p>good</p>") < html.index("<h3>rejected</h3>") < html.index("<p>bad</p>")


def test_labels_and_steps_say_what_is_good() -> None:
    turns = {"prompt": [{"role": "user", "content": "Q"}], "completion": [{"role": "assistant", "content": "A"}]}
    assert "good answer" in shown(**turns, label=True)
    assert "bad answer" in shown(**turns, label=False)
    steps = shown(prompt="2+2?", completions=["2 and 2", "is 5"], labels=[True, False])
    assert '<li data-good="yes"><b>right</b><span>2 and 2</span>' in steps
    assert '<li data-good="no"><b>wrong</b><span>is 5</span>' in steps
