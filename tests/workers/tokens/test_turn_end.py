"""What ends a turn is found from what the chat template writes, in every template that TRL ships."""

import re

import pytest

from engine.workers import limits
from engine.workers.tokens import turn_end
from engine.workers.tokens.turn_end import TurnEnd
from engine.workers.tokens.vocabulary import Vocabulary
from tests.tiny import TEMPLATE as CHATML
from tests.workers.tokens.test_chat_spans import ENDLESS, FOLDER
from tests.workers.tokens.test_spans_of_trl import PICTURES, SPECIALS
from tests.workers.tokens.vocabularies import vocabulary

EOS = "<eos>"
# By the model cards: what generation_config.json of the chat models lists, besides an end of sequence of their own.
ENDS = {
    "cohere": "<|END_OF_TURN_TOKEN|>",
    "cohere2": "<|END_RESPONSE|>",
    "deepseek": "<｜end▁of▁sentence｜>",
    "diffusion_gemma": "<turn|>",
    "gemma": "<end_of_turn>",
    "gemma4": "<turn|>",
    "glm4moe": "<|user|>",
    "gptoss": "<|return|>",
    "lfm2": "<|im_end|>",
    "llama3": "<|eot_id|>",
    "muse": "<|eot|>",
    "nemotron": "<|im_end|>",
    "phi3": "<|end|>",
    "qwen": "<|im_end|>",
}
NAMES = sorted({file.stem for file in FOLDER.glob("*.jinja") if "training" not in file.stem} - PICTURES)


def with_tokens(template: str) -> Vocabulary:
    """A vocabulary in which everything that looks like a special token of the template is one."""
    plain = vocabulary(template)
    specials = [*sorted(set(re.findall(SPECIALS, template))), EOS]
    plain.tokens.add_special_tokens(specials)
    return Vocabulary(plain.tokens, template, {"bos_token": "<s>", "eos_token": EOS}, tuple(specials))


@pytest.mark.parametrize("name", NAMES)
def test_the_end_of_a_turn_is_found_in_every_template_of_trl(name: str) -> None:
    found = turn_end.find(with_tokens((FOLDER / f"{name}.jinja").read_text(encoding="utf-8")), {EOS})
    expected = max((family for family in ENDS if name.startswith(family)), key=len)
    assert found == TurnEnd(ENDS[expected])


def test_a_later_token_counts_where_the_model_stops_at_it_behind_every_answer() -> None:
    template = (FOLDER / "cohere2.jinja").read_text(encoding="utf-8")
    assert turn_end.find(with_tokens(template), {"<|END_OF_TURN_TOKEN|>"}).token == "<|END_OF_TURN_TOKEN|>"
    # Phi-3 writes its end of sequence behind the last turn alone: between turns nothing but <|end|> says stop.
    phi3 = with_tokens((FOLDER / "phi3.jinja").read_text(encoding="utf-8"))
    assert turn_end.find(phi3, {EOS}).token == "<|end|>"


def test_the_end_of_a_turn_comes_first_among_the_tokens_that_end_generation() -> None:
    found = vocabulary(CHATML)
    base = Vocabulary(found.tokens, CHATML, {"eos_token": "<|endoftext|>"}, found.specials)
    end_of_text, end_of_turn = (found.tokens.get_vocab()[text] for text in ("<|endoftext|>", "<|im_end|>"))
    assert turn_end.ids(base, [end_of_text]) == [end_of_turn, end_of_text]
    assert turn_end.ids(found, [end_of_turn]) == [end_of_turn]
    assert turn_end.ids(base, [99_999]) == [end_of_turn, end_of_text, 99_999]  # what the model's files say stays


def test_a_template_without_a_token_behind_answers_says_what_it_writes() -> None:
    assert turn_end.find(vocabulary(ENDLESS), set()) == TurnEnd(None)
    spelled = CHATML.replace("<|im_end|>", "</turn>")
    assert turn_end.find(vocabulary(spelled), set()) == TurnEnd(None, "</turn>")
    assert turn_end.find(vocabulary(None), set()) == TurnEnd("<|im_end|>")  # the plain template writes the eos


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ raise_exception('No system turn.') }}", "No system turn"),
        (
            "{% for message in messages %}{{ message['content'] | length }}{% endfor %}",
            "differently from what was said",
        ),
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "ran for more than"),
    ],
)
def test_a_template_that_refuses_changes_words_or_never_ends_is_said_to_be_unknown(
    template: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ROW_SECONDS", 0.3)
    hostile = vocabulary(template)
    found = turn_end.find(hostile, set())
    assert found.token is None
    assert reason in found.unknown
    own = hostile.tokens.token_to_id("<|im_end|>")
    assert turn_end.ids(hostile, [7], found) == [own, 7]  # the tokenizer's own end is known all the same
