"""What somebody sees who has a link to a chat: questions, answers and the names of the models that gave them.

Nothing else of it: no system prompt, no settings, no figures, no votes, no branches. Text is Markdown that can do
nothing, as everywhere; reasoning is folded.
"""

from collections.abc import Sequence

from markupsafe import Markup

from engine.chat import answering, chat
from engine.chat.exchanges import Exchange, exchanges
from pages.chat.earlier import plain_title
from pages.parts import html, markdown
from storage.tables import Chat, Message

MOST_SHOWN = 100  # of the newest questions
THINKS, THOUGHT = "<think>", "</think>"
SIDES: tuple[chat.Side, chat.Side] = ("tuned", "base")


def title(shown: Chat) -> str:
    return plain_title(shown.title) or "Chat"


def conversation_html(shown: Chat) -> Markup:
    """The whole conversation, answers on their way too. `data-moving` says that more comes soon."""
    asked = exchanges(chat.messages(shown.id))
    newest = asked[-MOST_SHOWN:]
    writing = {side: answering.so_far(shown.id, side)[0] for side in SIDES if answering.is_writing(shown.id, side)}
    left_out = len(asked) - len(newest)
    note = f"The first {left_out:,} questions are left out." if left_out else "" if asked else "Nothing was asked yet."
    body = html.join(_exchange(one, writing if one is newest[-1] else {}) for one in newest)
    return Markup("<header{}><h1>{}</h1></header>{}{}").format(
        Markup(" data-moving") if writing else "",
        title(shown),
        Markup('<p class="lv-note">{}</p>').format(note) if note else "",
        body,
    )


def _exchange(exchange: Exchange, writing: dict[chat.Side, str]) -> Markup:
    answers = [_answer(answer) for answer in exchange.answers()]
    answers += [_said("", text, " …") for side, text in writing.items() if exchange.answer(side) is None]
    return Markup(
        '<section class="lv-exchange"><div class="lv-asked">{}</div><div class="lv-said">{}</div></section>'
    ).format(markdown.shown(exchange.question.content), html.join(answers))


def _answer(answer: Message) -> Markup:
    return _said(answer.model or "Model", answer.content, "" if answer.complete else " …")


def _said(model: str, content: str, end: str) -> Markup:
    thoughts, text = _reasoning(content)
    folded = Markup()
    if thoughts:
        folded = Markup("<details><summary>Reasoning</summary>{}</details>").format(markdown.shown(thoughts))
    return Markup("<article><h3>{}</h3>{}{}</article>").format(model, folded, markdown.shown(f"{text}{end}"))


def _reasoning(content: str) -> Sequence[str]:
    """What a model thought before its answer, and the answer, as the Chat page parts them."""
    begun = content.lstrip()
    if not begun.startswith(THINKS):
        return "", content
    thoughts, _, text = begun.removeprefix(THINKS).partition(THOUGHT)
    return thoughts.strip(), text.lstrip()
