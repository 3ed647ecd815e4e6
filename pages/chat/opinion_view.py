"""Under a conversation: how fast each answer came, thumbs, votes, what can be deleted, and the datasets of opinions."""

from collections.abc import Mapping, Sequence

import gradio as gr
from markupsafe import Markup

from engine.chat import answering, chat, deleting, opinion_rows, opinions
from engine.chat.exchanges import Exchange, exchanges
from engine.chat.sampling import in_words
from engine.chat.speed import tokens_a_second
from engine.evaluate import votes
from pages.parts import html, sharing, toasts, undo
from pages.parts.icons import icon
from pages.shell import project_of
from storage.tables import Message

MOST_SHOWN = 50  # of the newest exchanges of a chat
QUESTION_CHARACTERS = 90


def answers_html(query: Mapping[str, str]) -> str:
    """The newest answers with their figures and what people think of them; those before are folded."""
    if not query.get("chat"):
        return ""
    asked = exchanges(chat.messages(query["chat"]))
    back = undo.lines(deleting.waiting_turns(query["chat"]))
    is_writing = answering.is_writing(query["chat"])
    over = asked[:-1] if is_writing else asked
    if not over:
        return str(Markup('<section class="ch-answers">{}</section>').format(back)) if back else ""
    *earlier, last = over[-MOST_SHOWN:]
    folded = Markup()
    if earlier:
        title = f"Earlier answers ({len(earlier)})"
        folded = Markup('<details class="ch-earlier" data-key="earlier"><summary>{}</summary>{}</details>').format(
            title, html.join(_exchange(one, True) for one in reversed(earlier))
        )
    return str(
        Markup('<section class="ch-answers" aria-label="Answers">{}{}{}{}</section>').format(
            back, _exchange(last, last is not asked[-1]), folded, _take_away(query["chat"])
        )
    )


def _take_away(chat_id: str) -> Markup:
    links = (
        Markup('<a class="ts-link" download href="/api/chats/{}/export?format={}">{}</a>').format(chat_id, kind, title)
        for kind, title in (("markdown", "Markdown"), ("json", "JSON"))
    )
    return Markup('<div class="ch-files"><p class="ts-note">Download this chat: {}</p>{}</div>').format(
        Markup(" · ").join(links), sharing.button(chat.look_up(chat_id))
    )


def _exchange(exchange: Exchange, with_question: bool) -> Markup:
    question = " ".join(exchange.question.content.split())
    asked = Markup('<p class="ch-asked">{}</p>').format(_short(question)) if with_question else Markup()
    answers = exchange.answers()
    cells = html.join(_answer(answer) for answer in answers) or Markup('<p class="ts-note">No answer.</p>')
    vote = _vote(exchange) if len(answers) == 2 else Markup()
    return Markup(
        '<div class="ch-exchange" data-key="{}">{}<div class="ch-pair">{}</div><div class="ch-below">{}{}</div></div>'
    ).format(exchange.question.id, asked, cells, vote, _delete(exchange))


def _delete(exchange: Exchange) -> Markup:
    """A question takes its answers with it: the words of its button say so."""
    what = ("Delete question", "Delete question and answer", "Delete question and answers")[len(exchange.answers())]
    return html.button(what, "delete", str(exchange.question.id), f"{what}? The chat goes on without. {undo.SAID}")


def _delete_answer(answer: Message) -> Markup:
    model = answer.model or answer.side
    question = f"Delete this answer of {model}? The question stays, but {model} is not shown it again. {undo.SAID}"
    return Markup(
        '<button type="button" class="ts-button ch-thumb" data-act="delete" data-id="{}" data-confirm="{}" '
        'data-label="Delete answer" aria-label="Delete answer of {}" title="Delete answer">{}</button>'
    ).format(answer.id, question, model, icon("trash"))


def _short(text: str) -> str:
    return text if len(text) <= QUESTION_CHARACTERS else f"{text[: QUESTION_CHARACTERS - 1]}…"


def _answer(answer: Message) -> Markup:
    return Markup(
        '<div class="ch-answer"><b title="{}">{}</b><span class="ch-speed">{}</span>'
        '<span class="ch-thumbs">{}{}{}</span>{}</div>'
    ).format(
        answer.weights, answer.model or answer.side, speed_words(answer), _thumb(answer, 1), _thumb(answer, -1),
        _delete_answer(answer), _settings(answer),
    )  # fmt: skip


def _settings(answer: Message) -> Markup:
    """What the answer was drawn with; its system prompt unfolds."""
    words = Markup('<p class="ch-drawn">{}</p>').format(in_words(answer.sampling)) if answer.sampling else Markup()
    if not answer.system:
        return words
    return words + Markup(
        '<details class="ch-system" data-key="system-{}"><summary>System prompt</summary><p dir="auto">{}</p></details>'
    ).format(answer.id, answer.system)


def speed_words(answer: Message) -> str:
    """Tokens, tokens a second, and the time to the first word, as far as they were measured."""
    if answer.tokens is None:
        return ""
    about = "about " if answer.tokens_estimated else ""
    parts = [f"{about}{answer.tokens:,} token{'s' * (answer.tokens != 1)}"]
    if speed := tokens_a_second(answer):
        parts.append(f"{html.number(speed, 3)} tokens/s")
    if answer.first_token_seconds is not None:
        parts.append(f"first after {answer.first_token_seconds:.2f} s")
    return " · ".join(parts)


def _thumb(answer: Message, value: int) -> Markup:
    """Pressed once more, it is taken back."""
    word, is_on = ("good", "bad")[value < 0], answer.rating == value
    return Markup(
        '<button type="button" class="ts-button ch-thumb" data-act="{}" data-id="{}" aria-pressed="{}" '
        'aria-label="{} answer of {}" title="{} answer">{}</button>'
    ).format(
        "unrate" if is_on else word, answer.id, str(is_on).lower(), word.capitalize(), answer.model or answer.side,
        word.capitalize(), icon(word),
    )  # fmt: skip


def _vote(exchange: Exchange) -> Markup:
    buttons = html.join(
        Markup(
            '<button type="button" class="ts-button" data-act="{}" data-id="{}" aria-pressed="{}">{}</button>'
        ).format(
            "unvote" if exchange.question.better == better else f"vote-{better}", exchange.question.id,
            str(exchange.question.better == better).lower(), label,
        )
        for better, label in _labels(exchange)
    )  # fmt: skip
    return Markup(
        '<div class="ts-actions ch-vote" role="group" aria-label="Which answer is better?"><small>Which is better?'
        "</small>{}</div>"
    ).format(buttons)


def _labels(exchange: Exchange) -> Sequence[tuple[str, str]]:
    first, second = (answer.model or answer.side for answer in exchange.answers())
    return ("tuned", first), ("base", second), ("tie", "Both the same")


def opinions_html(query: Mapping[str, str]) -> str:
    """What all votes of the project say, and the buttons that make datasets of them; nothing before the first one."""
    project_id = query["project"]
    voted, rated = (sum(1 for _ in opinion_rows.rows(what, project_id)) for what in ("votes", "ratings"))
    standings = votes.standings(project_id)
    if not (voted or rated or standings):
        return ""
    lines = html.join(Markup("<li>{}</li>").format(standing_words(one)) for one in standings)
    buttons = [
        html.button(f"Make a dataset of {_many(count, noun)}", f"make-{what}")
        for what, noun, count in (("votes", "vote", voted), ("ratings", "rating", rated))
        if count
    ]
    note = "Votes become preferences, for DPO and its like; ratings become marked answers, for KTO."
    return str(
        Markup(
            '<section class="ch-opinions"><h2 class="ts-section">Votes and ratings</h2><ul>{}</ul>'
            '<div class="ts-actions">{}</div><p class="ts-note">{}</p></section>'
        ).format(lines, html.join(buttons), note)
    )


def standing_words(one: votes.Standing) -> str:
    """The sentence, with the interval of the difference where there is one."""
    if one.low is None or one.high is None:
        return one.words()
    shares = f"{100 * one.difference:+.0f} % [{100 * one.low:+.0f} to {100 * one.high:+.0f}]"
    return f"{one.words()} Votes won less votes lost: {shares}."


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def act(event: gr.EventData, request: gr.Request) -> None:
    """Rates, votes, takes back, or makes a dataset."""
    with toasts.toast():
        match event.name:
            case "good" | "bad" | "unrate":
                opinions.rate(int(event.id), None if event.name == "unrate" else event.name == "good")
            case "unvote":
                opinions.vote(int(event.id), None)
            case "vote-tuned" | "vote-base" | "vote-tie":
                opinions.vote(int(event.id), VOTES[event.name])
            case "make-votes":
                _make("votes", project_of(request))
            case "make-ratings":
                _make("ratings", project_of(request))


VOTES: dict[str, opinions.Better] = {"vote-tuned": "tuned", "vote-base": "base", "vote-tie": "tie"}


def _make(opinion: opinion_rows.Opinion, project_id: str) -> None:
    dataset = opinion_rows.make_dataset(opinion, project_id)
    toasts.done(f"The dataset {dataset.name} is being made.", "Open the dataset", f"/data?dataset={dataset.id}")
