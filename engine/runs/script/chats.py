"""Which runs write their rows by a chat template, and the plain one for a model that has none."""

from pathlib import Path

from engine.recipes.methods import GENERATING
from engine.runs.script.told import Told
from engine.weights import inspection

PLAIN_TEMPLATE = (  # as engine.workers.tokens.chat_spans has it
    "{% for message in messages %}{{ '### ' + message['role'] + ':\n' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### assistant:\n' }}{% endif %}"
)
CHATS = ("chat", "preference", "unpaired", "prompt")  # kinds of rows that are written by a template


def lacks_template(told: Told) -> bool:
    """Whether the run's rows were written by the plain template, for want of one of the model's own."""
    is_chat = told.spec["dataset_kind"] in CHATS or told.recipe.method in GENERATING
    return is_chat and not inspection.has_chat_template(Path(told.spec["model_path"]))
