"""Lists say what was deleted in the last half minute, and a button there brings it back."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.chat import chat
from engine.code import deleting as snippets_deleting
from engine.code import snippets
from engine.errors import NotFoundError
from pages.chat import opening, opinion_view, removing
from pages.chat.earlier import earlier_html
from pages.code import keeping, shelf
from pages.evaluate import page as evaluate_page
from pages.sweeps import page as sweeps_page
from storage.tables import Message
from tests import stored_evaluations
from tests.engine.sweeps.test_deleting import sweep_of
from tests.pages.clicks import Click, Visitor

HERE = {"project": "default"}
YOU: Any = Visitor()


def undo_id(html: str) -> str:
    """What the button of the only bar undoes."""
    assert html.count('data-act="undo"') == 1
    return html.split('data-act="undo" data-id="')[1].split('"')[0]


def a_snippet(_act: Any) -> str:
    made = snippets.create("Fox", "python", "", {"main.py": "1"}).id
    snippets_deleting.delete(made)
    return made


def made_and_deleted(make: Callable[[], str]) -> Callable[[Callable[..., Any]], str]:
    def act_on(act: Callable[..., Any]) -> str:
        made = make()
        act(Click("delete", made), YOU)
        return made

    return act_on


def of_a_chat(event: Any, request: Any) -> None:
    opening.act("", event, request)


@pytest.mark.parametrize(
    ("make", "shown", "act"),
    [
        (made_and_deleted(lambda: chat.new_chat(title="Fox").id), earlier_html, of_a_chat),
        (made_and_deleted(lambda: stored_evaluations.add("Fox").id), evaluate_page.evaluations_html, evaluate_page.act),
        (made_and_deleted(lambda: sweep_of("Fox")), sweeps_page.sweeps_html, sweeps_page.act),
        (a_snippet, shelf.snippets_html, lambda event, _request: keeping.undo_deletion(event)),
    ],
    ids=["chats", "evaluations", "sweeps", "snippets"],
)
def test_what_was_deleted_is_told_above_the_list_and_comes_back(
    make: Any, shown: Callable[[dict[str, str]], str], act: Callable[..., Any], toasts: list[str]
) -> None:
    make(act)
    assert "Fox deleted." in shown(HERE)
    assert 'data-act="free"' not in shown(HERE)  # there is no disk space to win by it
    assert "Fox deleted." not in shown({"project": "other"})
    act(Click("undo", undo_id(shown(HERE))), YOU)
    assert toasts == ["Undone: Fox deleted."]
    act(Click("undo", "gone"), YOU)
    assert toasts[1].startswith("This was undone already")


def test_a_question_and_an_answer_are_deleted_under_the_conversation_and_come_back(toasts: list[str]) -> None:
    opened = chat.new_chat()
    here = {**HERE, "chat": opened.id}
    asked = chat.ask(opened.id, "one")
    for side in ("tuned", "base"):
        chat._store(Message(chat_id=opened.id, side=side, model=f"{side}-model", content=side))
    answer = chat.messages(opened.id)[2]
    shown = opinion_view.answers_html(here)
    assert shown.count('data-act="delete"') == 3
    assert "Delete question and answers</button>" in shown
    assert "Delete this answer of base-model? The question stays, but base-model is not shown it again." in shown
    tuned, base = removing.act(opened.id, Click("delete", str(answer.id)), YOU)
    assert ([turn["content"] for turn in tuned], [turn["content"] for turn in base]) == (["one", "tuned"], ["one"])
    shown = opinion_view.answers_html(here)
    assert "Answer of base-model deleted: “base”." in shown
    assert "Delete question and answer</button>" in shown
    removing.act(opened.id, Click("undo", undo_id(shown)), YOU)
    assert removing.act(opened.id, Click("delete", str(asked.id)), YOU) == ([], [])
    shown = opinion_view.answers_html(here)
    assert 'class="ch-answers"' in shown  # the stylesheet hides the part without it
    tuned, base = removing.act(opened.id, Click("undo", undo_id(shown)), YOU)
    assert [len(tuned), len(base)] == [2, 2]
    removing.act(opened.id, Click("good", str(answer.id)), YOU)
    assert chat.messages(opened.id)[2].rating == 1
    assert len(toasts) == 2
    removing.act(opened.id, Click("delete", "999"), YOU)
    assert toasts[2].startswith("There is no message 999 in this chat.")


def test_a_question_that_nothing_answered_can_be_deleted_too() -> None:
    opened = chat.new_chat()
    asked = chat.ask(opened.id, "one")
    shown = opinion_view.answers_html({**HERE, "chat": opened.id})
    assert "No answer." in shown
    assert "Delete question</button>" in shown
    removing.act(opened.id, Click("delete", str(asked.id)), YOU)
    assert chat.messages(opened.id) == []


def test_the_code_page_deletes_a_snippet_and_leaves_an_empty_page() -> None:
    made = snippets.create("Fox", "python", "", {"main.py": "1"}).id
    assert "You can undo it for 30 seconds." in shelf.head_html({**HERE, "snippet": made})
    snippets_deleting.delete(made)
    with pytest.raises(NotFoundError):
        snippets.get(made)
    assert shelf.versions_html({"snippet": made}) == ""


def test_nothing_of_a_bar_is_html_of_a_stranger() -> None:
    talk = chat.new_chat(title="<b>x</b>")
    opening.act("", Click("delete", talk.id), YOU)
    assert "<b>x" not in earlier_html(HERE)
