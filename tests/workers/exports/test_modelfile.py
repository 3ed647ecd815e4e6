"""The Modelfile for Ollama: its template says what the model's own says, or there is none."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from engine.workers.exports.gguf import modelfile
from tests.workers.exports.go_template import render

DEFAULT = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}<|im_start|>system\nBe kind."
    "<|im_end|>\n{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% for m in messages %}{% set role = 'model' if m['role'] == 'assistant' else m['role'] %}"
    "<start_of_turn>{{ role }}\n{{ m['content'] }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
IN_USER = (
    "{% for m in messages %}{% if m['role'] == 'user' %}[INST] "
    "{% if loop.index0 == 1 and messages[0]['role'] == 'system' %}"
    "<<SYS>>{{ messages[0]['content'] }}<</SYS>> {% endif %}"
    "{{ m['content'] }} [/INST]{% elif m['role'] == 'assistant' %} {{ m['content'] }}</s>"
    "{% endif %}{% endfor %}"
)


@pytest.fixture
def tokenizer(tiny_model: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny_model)


@pytest.mark.parametrize(("template", "without_bos"), [(None, False), (DEFAULT, False), (GEMMA, True), (GEMMA, False)])
def test_ollama_lays_a_chat_out_as_the_model_was_trained(
    template: str | None, without_bos: bool, tokenizer: Any
) -> None:
    tokenizer.chat_template = template or tokenizer.chat_template
    parts = modelfile.parts_of(tokenizer, without_bos)
    assert parts is not None
    assert parts.template is not None
    for chat in (*modelfile.CHATS, [{"role": "user", "content": '안녕하세요? {braces} and "quotes"'}]):
        wanted = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        begin = tokenizer.bos_token if without_bos else ""
        assert begin + render(parts.template, chat) == wanted


def test_a_template_that_is_more_than_parts_gets_no_form(tokenizer: Any) -> None:
    for template in (IN_USER, "{{ raise_exception('no') }}", "{{ messages[0]['content'] | upper }}"):
        tokenizer.chat_template = template
        assert modelfile.parts_of(tokenizer, False) is None
    tokenizer.chat_template = None
    assert modelfile.parts_of(tokenizer, False) is None


def test_what_ollamas_language_uses_itself_is_not_written_into_it(tokenizer: Any) -> None:
    tokenizer.chat_template = GEMMA.replace("<start_of_turn>", '"""')
    parts = modelfile.parts_of(tokenizer, False)
    assert parts is not None
    assert parts.template is None
    text = modelfile.text("a.gguf", parts, ["<|im_end|>", 'a"b', " "])
    assert text == 'FROM ./a.gguf\nPARAMETER stop "<|im_end|>"\n'
