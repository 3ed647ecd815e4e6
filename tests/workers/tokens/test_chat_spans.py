"""The assistant's words are found exactly, whatever the template does."""

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest
from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.workers.tokens.chat_spans import PLAIN_TEMPLATE, ChatText, UnknownAnswerError
from engine.workers.tokens.content_marks import Message
from engine.workers.tokens.templates import Template
from engine.workers.tokens.tool_text import ToolText
from tests.tiny import TEMPLATE as CHATML
from tests.workers.train.training_runs import chat

SMOLLM2 = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are SmolLM<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA3 = (
    "{% for message in messages %}{% if loop.first %}<|begin|>{% endif %}"
    "{{ '<|start|>' + message['role'] + '<|end|>\n\n' + message['content'] | trim + '<|eot|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistant<|end|>\n\n' }}{% endif %}"
)
STRICT = (  # as Mistral's: turns must alternate, the answer ends in </s>
    "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate') }}{% endif %}"
    "{% if message['role'] == 'user' %}[INST] {{ message['content'] }} [/INST]"
    "{% else %} {{ message['content'] }}</s>{% endif %}{% endfor %}"
)
FORGETFUL = (  # as Qwen3's: takes the thoughts out of every answer but the last, and opens none in the prompt
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' and '</think>' in message['content'] and not loop.last %}"
    "{{ message['content'].split('</think>')[-1].lstrip('\n') }}{% else %}{{ message['content'] }}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
THINKING = (  # as DeepSeek-R1's: the prompt opens a thought that finished chats do not show
    "{% for message in messages %}{{ '<' + message['role'] + '>' + message['content'] + '<|im_end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant><think>\n' }}{% endif %}"
)
ENDLESS = "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}{% endfor %}" + (
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)
SPECIALS = ("<|im_start|>", "<|im_end|>", "<|eot|>", "</s>")


def text_of(template: str, eos: str = "<|im_end|>") -> ChatText:
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)

    def refuse(message: str) -> str:
        raise TemplateError(message)

    environment.globals["raise_exception"] = refuse
    compiled = environment.from_string(template)

    def render(messages: Sequence[Message], add_generation_prompt: bool) -> str:
        return compiled.render(messages=messages, add_generation_prompt=add_generation_prompt, eos_token=eos)

    return ChatText(render, SPECIALS, eos)


def learnt(template: str, messages: list[Message], eos: str = "<|im_end|>") -> list[str]:
    spans = text_of(template, eos).answers(messages)
    return [spans.text[start:end] for start, end in spans.parts]


TWO = chat("Hello", "Hi there", "Sum?", "23")


@pytest.mark.parametrize(
    ("template", "end"),
    [(CHATML, "<|im_end|>"), (SMOLLM2, "<|im_end|>"), (LLAMA3, "<|eot|>"), (THINKING, "<|im_end|>")],
)
def test_every_answer_is_learnt_with_its_end_of_turn_and_nothing_else(template: str, end: str) -> None:
    assert learnt(template, TWO) == [f"Hi there{end}", f"23{end}"]


def test_an_answer_behind_an_instruction_mark_keeps_its_space_and_end() -> None:
    assert learnt(STRICT, TWO, "</s>") == [" Hi there</s>", " 23</s>"]


def test_a_question_that_repeats_an_answer_is_not_learnt() -> None:
    spans = text_of(CHATML).answers(chat("23", "23", "23", "no"))
    assert [spans.text[:start].count("23") for start, _ in spans.parts] == [1, 3]


def test_answers_that_a_template_shortens_later_are_learnt_as_shown() -> None:
    messages = chat("A?", "<think>hm</think>\n\nYes", "B?", "<think>well</think>No")
    first, last = learnt(FORGETFUL, messages)
    assert first == "Yes<|im_end|>"
    assert last == "<think>well</think>No<|im_end|>"


def test_a_template_without_an_end_of_turn_gets_one() -> None:
    spans = text_of(ENDLESS, "</s>").answers(TWO)
    assert spans.text.endswith("23\n</s>")
    assert [spans.text[start:end] for start, end in spans.parts] == ["Hi there\n", "23\n</s>"]


def test_the_plain_template_ends_answers() -> None:
    assert learnt(PLAIN_TEMPLATE, TWO, "</s>") == ["Hi there</s>", "23</s>"]


def test_a_chat_that_begins_with_the_assistant_is_learnt() -> None:
    messages = [{"role": "assistant", "content": "Welcome"}, {"role": "user", "content": "Thanks"}]
    assert learnt(CHATML, messages) == ["Welcome<|im_end|>"]
    assert learnt(SMOLLM2, messages) == ["Welcome<|im_end|>"]


def test_a_chat_without_answers_has_nothing_to_learn() -> None:
    assert learnt(CHATML, chat("Hello")) == []


def test_turns_far_behind_the_cut_are_not_looked_for() -> None:
    messages = chat(*["x" * 50] * 40)
    assert 0 < len(text_of(CHATML).answers(messages, max_characters=300).parts) < 5


def test_a_refusing_template_says_why() -> None:
    with pytest.raises(TemplateError, match="alternate"):
        text_of(STRICT).answers([{"role": "assistant", "content": "x"}])


def test_the_whole_chat_can_be_learnt() -> None:
    spans = text_of(CHATML).whole(TWO)
    assert spans.parts == [(0, len(spans.text))]


# The templates of real models that TRL ships. Those for pictures take no plain text.
FOLDER = Path(str(find_spec("trl").submodule_search_locations[0])) / "chat_templates"  # type: ignore[union-attr,index]
FOR_PICTURES = {"idefics3", "llava_next", "smolvlm"}
REAL = sorted({file.stem for file in FOLDER.glob("*.jinja") if not file.stem.endswith("_training")} - FOR_PICTURES)
MARKS = r"<\|[a-zA-Z0-9_]+\|>|<｜[^｜]+｜>|</s>|<end_of_turn>|<turn\|>|<\|turn>"


def shipped_template(name: str) -> tuple[Template, tuple[str, ...]]:
    source = (FOLDER / f"{name}.jinja").read_text()
    specials = {*re.findall(MARKS, source), "<EOS>"}
    longest_first = sorted(specials, key=lambda text: (-len(text), text))
    return Template(source, {"bos_token": "<BOS>", "eos_token": "<EOS>"}), tuple(longest_first)


def answers_of(name: str, messages: list[Message], tools: list[object] | None = None) -> list[str]:
    template, specials = shipped_template(name)
    fitted, shown = ToolText(template).fitted(messages, tools)
    text = ChatText(
        lambda chat, add_generation_prompt: template.render(chat, add_generation_prompt, shown), specials, "<EOS>"
    )
    spans = text.answers(fitted)
    return [spans.text[start:end] for start, end in spans.parts]


def test_the_templates_of_real_models_leave_every_answer_with_its_end() -> None:
    for name in REAL:
        check_answers(name)


def check_answers(name: str) -> None:
    system = [] if name == "gemma" else [{"role": "system", "content": "Be kind."}]
    chats = ([*system, *TWO], chat("One?", "<think>\nhm\n</think>\n\nYes", "Two?", "<think>\nno\n</think>\n\nNo"))
    for messages, expected in zip(chats, (("Hi there", "23"), ("Yes", "No")), strict=True):
        parts = answers_of(name, messages)
        assert len(parts) == 2, name
        for part, answer in zip(parts, expected, strict=True):
            assert answer in part, name
            assert part.rstrip().endswith(shipped_template(name)[1]), (name, part)
            assert not any(other in part for other in ("Be kind", "Hello", "Sum?", "One?", "Two?")), (name, part)


ADD = {"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}}


def test_calls_of_tools_are_learnt_and_what_tools_say_is_not() -> None:
    for name in REAL:
        check_calls(name)


def check_calls(name: str) -> None:
    call = {"id": "abcdefghi", "type": "function", "function": {"name": "add", "arguments": {"a": 4711}}}
    messages: list[Message] = [
        {"role": "user", "content": "Sum?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "result 815", "tool_call_id": "abcdefghi", "name": "add"},
        {"role": "assistant", "content": "It is 23"},
    ]
    calling, answering = answers_of(name, messages, [ADD])
    assert "4711" in calling, name
    assert "It is 23" in answering, name
    assert "815" not in calling + answering, name
    messages[1]["train"] = False
    assert answers_of(name, messages, [ADD]) == [answering]


@pytest.mark.parametrize("name", ["qwen3", "gemma4", "llama3_1", "gptoss"])
def test_what_is_said_beside_a_call_is_learnt_without_the_tools_words(name: str) -> None:
    call = {"id": "abcdefghi", "type": "function", "function": {"name": "add", "arguments": {"a": 4711}}}
    messages: list[Message] = [
        {"role": "user", "content": "Sum?"},
        {"role": "assistant", "content": "Let me add.", "tool_calls": [call]},
        {"role": "tool", "content": "result 815", "tool_call_id": "abcdefghi", "name": "add"},
        {"role": "assistant", "content": "It is 23"},
    ]
    first, *between, last = answers_of(name, messages, [ADD])
    assert ("Let me add." in first or "4711" in first, "It is 23" in last) == (True, True)
    assert between == (["Let me add."] if name == "gemma4" else [])  # it writes them behind what the tool said
    assert "815" not in first + last


def test_a_row_is_refused_where_it_cannot_be_told_what_is_the_answer() -> None:
    backwards = "{% for message in messages | reverse %}{{ message['content'] | reverse }}{% endfor %}"
    with pytest.raises(UnknownAnswerError, match="turn 2"):
        learnt(backwards, chat("one", "two", "three", "four"))


def test_a_text_with_characters_of_private_use_is_learnt_all_the_same() -> None:
    odd = "\U000f0000\U000f0001"
    assert learnt(CHATML, chat(odd, odd, "A", "A")) == [f"{odd}<|im_end|>", "A<|im_end|>"]


def test_a_call_is_learnt_where_the_words_before_it_are_left_out_later() -> None:
    """gpt-oss shows them only until the answer is there, and ends an answer in the middle unlike the last one."""
    call = {"type": "function", "function": {"name": "add", "arguments": {"a": 4711}}}
    messages: list[Message] = [
        {"role": "user", "content": "Sum?"},
        {"role": "assistant", "content": "Let me add.", "tool_calls": [call]},
        {"role": "tool", "content": "result 815", "name": "add"},
        {"role": "assistant", "content": "It is 23"},
    ]
    call_text = '<|channel|>commentary json<|message|>{"a": 4711}<|call|>'
    continued = [*messages, {"role": "user", "content": "And?"}, {"role": "assistant", "content": "No"}]
    assert answers_of("gptoss", continued, [ADD]) == [
        f" to=functions.add{call_text}",
        "<|channel|>final<|message|>It is 23<|end|>",
        "<|channel|>final<|message|>No<|return|>",
    ]
    (spoken,) = answers_of("gptoss", messages[:2], [ADD])
    assert spoken.startswith("<|channel|>analysis<|message|>Let me add.<|end|>")
    assert spoken.endswith(call_text)


def test_a_chat_learnt_as_a_whole_learns_to_stop_too() -> None:
    assert text_of(ENDLESS).whole(TWO).text.endswith("23\n<|im_end|>")
    assert text_of(CHATML).whole(TWO).text.endswith("23<|im_end|>\n")
    assert not text_of(ENDLESS).whole(TWO[:3]).text.endswith("<|im_end|>")


def test_a_turn_that_ends_with_the_next_turns_token_learns_to_say_it() -> None:
    assert answers_of("glm4moe", TWO)[0].endswith("Hi there<|user|>")


def test_each_turn_can_be_left_out_of_the_learning() -> None:
    messages: list[Message] = [dict(turn) for turn in chat("a?", "one", "b?", "two", "c?", "three")]
    messages[3]["train"] = False
    assert learnt(CHATML, messages) == ["one<|im_end|>", "three<|im_end|>"]
    messages[5]["train"] = False
    assert learnt(CHATML, messages) == ["one<|im_end|>"]
