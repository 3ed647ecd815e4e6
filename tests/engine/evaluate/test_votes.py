"""Votes counted: who won how often, and when that is more than chance."""

from engine.chat import chat, opinions
from engine.evaluate import votes
from engine.evaluate.statistics import right_or_wrong
from storage import db
from storage.tables import Message


def vote(*better: str, tuned: str = "new", base: str = "old", weights: str = "", chat_id: str = "") -> None:
    """Each vote in a chat of its own, unless one is given."""
    chats = [chat_id or chat.new_chat().id for _ in better]
    with db.session() as session:
        for choice, in_chat in zip(better, chats, strict=True):
            session.add(Message(chat_id=in_chat, side="user", content="?", better=choice))
            session.flush()
            session.add(Message(chat_id=in_chat, side="tuned", model=tuned, content="a", weights=weights))
            session.add(Message(chat_id=in_chat, side="base", model=base, content="b"))


def test_each_pair_is_counted_whichever_side_it_stood_on() -> None:
    vote(*["tuned"] * 3, "base", "tie")
    vote("base", "base", tuned="old", base="new")
    (found,) = votes.standings()
    assert (found.first, found.second) == (("new", ""), ("old", ""))
    assert (found.won, found.lost, found.tied, found.votes, found.chats) == (5, 1, 1, 7, 7)
    assert found.verdict == "no_proof"  # of so few chats nothing is proven
    assert found.words() == "new won 5 of 7 against old, 1 the same; that may be chance."


def test_many_votes_in_chats_of_their_own_are_decided_by_the_exact_test() -> None:
    vote(*["tuned"] * 20, *["base"] * 4, *["tie"] * 6)
    (found,) = votes.standings()
    exact = right_or_wrong.interval(20, 4, 30)
    assert (found.p, found.low, found.high) == (exact.p, exact.low, exact.high)
    assert found.verdict == "better"
    assert "more than chance" in found.words()


def test_many_votes_in_one_chat_prove_nothing() -> None:
    vote(*["tuned"] * 40, chat_id=chat.new_chat().id)
    (found,) = votes.standings()
    assert (found.votes, found.chats, found.verdict, found.low) == (40, 1, "no_proof", None)


def test_other_weights_behind_a_name_are_another_model_and_a_model_against_itself_is_none() -> None:
    vote("tuned", weights="run1")
    vote("tuned", "tuned", weights="run2")
    vote("tuned", tuned="old", base="old")
    assert [(found.first, found.votes) for found in votes.standings()] == [(("new", "run2"), 2), (("new", "run1"), 1)]
    assert votes.standings("other") == []
    assert len(list(opinions.voted())) == 4
