"""Saves with a result what ends its answers, so that whatever loads it stops there: transformers, vLLM, Ollama.

generation_config.json lists the tokens. Programs that read the tokenizer alone take its end of sequence: that becomes
the end of a turn, unless the chat template would then write something else.
"""

from pathlib import Path

from jinja2 import TemplateError
from peft import PeftModel
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from engine.process import events
from engine.workers.tokens import turn_end
from engine.workers.tokens.templates import Template

SAMPLES: tuple[list[dict[str, str]], ...] = (
    [turn_end.QUESTION],
    [turn_end.QUESTION, {"role": "assistant", "content": "y"}],
    [turn_end.QUESTION, {"role": "assistant", "content": "y"}, turn_end.QUESTION],
)


def save(model: PreTrainedModel | PeftModel, tokenizer: PreTrainedTokenizerBase, folder: Path, out: Path) -> None:
    """Writes tokenizer and generation_config.json into `folder`, and says at OUT where answers end."""
    plain = model.get_base_model() if isinstance(model, PeftModel) else model
    if plain.can_generate():
        ids = turn_end.as_ids(plain.generation_config.eos_token_id)
        if ids and ids[0] != tokenizer.eos_token_id:
            texts = " or ".join(f"`{text}`" for text in tokenizer.convert_ids_to_tokens(ids))
            message = f"Answers end at {texts}: the chat template ends a turn so. generation_config.json says it too."
            events.append(out, events.Note(message=message))
            _end_sequences_with(tokenizer, ids[0])
        plain.generation_config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _end_sequences_with(tokenizer: PreTrainedTokenizerBase, token: int) -> None:
    before, end = tokenizer.eos_token, str(tokenizer.convert_ids_to_tokens(token))
    if _written(tokenizer, before) == _written(tokenizer, end):
        tokenizer.eos_token = end


def _written(tokenizer: PreTrainedTokenizerBase, eos: str | None) -> list[str]:
    """What the chat template makes of some chats with that end of a sequence."""
    template = Template(tokenizer.chat_template, {**tokenizer.special_tokens_map, "eos_token": eos})
    texts = []
    for chat in SAMPLES:
        try:
            texts += [template.render(chat, add_generation_prompt=False), template.render(chat, True)]
        except TemplateError as error:
            texts.append(str(error))
    return texts
