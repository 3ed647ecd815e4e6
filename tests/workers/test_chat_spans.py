"""The assistant's words are found exactly, whatever the template does."""

from collections.abc import Sequence

import pytest
from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.workers.chat_spans import PLAIN_TEMPLATE, ChatText, Message
from tests.tiny import TEMPLATE as CHATML
from tests.workers.training_runs import chat

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

    def render(messages: Sequence[Message], ask: bool) -> str:
        return compiled.render(messages=messages, add_generation_prompt=ask, eos_token=eos)

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
    assert 0 < len(text_of(CHATML).answers(messages, most_characters=300).parts) < 5


def test_a_refusing_template_says_why() -> None:
    with pytest.raises(TemplateError, match="alternate"):
        text_of(STRICT).answers([{"role": "assistant", "content": "x"}])


def test_the_whole_chat_can_be_learnt() -> None:
    spans = text_of(CHATML).whole(TWO)
    assert spans.parts == [(0, len(spans.text))]
