"""Which model people find better, from their votes in chats: how often each won, and whether that is more than chance.

Counted by the statistics of reports: McNemar's exact test where each vote is of a chat of its own, resampling of whole
chats where several are of one, since those hang together.
"""

from collections import defaultdict
from dataclasses import dataclass

from engine.chat import opinions
from engine.chat.exchanges import Exchange
from engine.evaluate.statistics.compare import compare
from engine.evaluate.statistics.difference import Verdict
from storage.tables import Message

Model = tuple[str, str]  # the served name, and the weights that stood behind it


@dataclass(frozen=True)
class Standing:
    """Two models, the one that won more often first. `low` and `high`: a 95 % interval of the difference of the shares
    of votes won, `difference`; None with too little to say. `verdict` is better, no_proof or worse, of the first."""

    first: Model
    second: Model
    won: int
    lost: int
    tied: int
    votes: int
    chats: int
    difference: float
    low: float | None
    high: float | None
    p: float
    verdict: Verdict | None

    def words(self) -> str:
        """One sentence: who won how often, and what that proves."""
        tied = f", {self.tied} the same" if self.tied else ""
        sure = "that is more than chance" if self.verdict == "better" else "that may be chance"
        return f"{self.first[0]} won {self.won} of {self.votes} against {self.second[0]}{tied}; {sure}."


def standings(project_id: str | None = None) -> list[Standing]:
    """Each two models that were voted about, those with the most votes first. A model against itself is left out."""
    pairs: dict[tuple[Model, Model], list[tuple[str, float, float]]] = defaultdict(list)
    for exchange in opinions.voted(project_id):
        if (models := _models(exchange)) is not None:
            first, second = sorted(models)
            scores = {models[0]: float(exchange.question.better == "tuned")}
            scores[models[1]] = float(exchange.question.better == "base")
            pairs[first, second].append((exchange.question.chat_id, scores[first], scores[second]))
    all_pairs = [_standing(*pair, votes) for pair, votes in pairs.items()]
    return sorted(all_pairs, key=lambda one: -one.votes)


def _models(exchange: Exchange) -> tuple[Model, Model] | None:
    if exchange.tuned is None or exchange.base is None:
        return None
    pair = _model(exchange.tuned), _model(exchange.base)
    return pair if pair[0] != pair[1] else None


def _model(answer: Message) -> Model:
    return answer.model, answer.weights


def _standing(first: Model, second: Model, votes: list[tuple[str, float, float]]) -> Standing:
    if sum(vote[2] for vote in votes) > sum(vote[1] for vote in votes):
        return _standing(second, first, [(chat_id, lost, won) for chat_id, won, lost in votes])
    chats = {chat_id: number for number, chat_id in enumerate(dict.fromkeys(vote[0] for vote in votes))}
    clusters = [chats[chat_id] for chat_id, _, _ in votes]
    won, lost = [vote[1] for vote in votes], [vote[2] for vote in votes]
    compared = compare(lost, won, clusters, binary=True, better="higher")
    return Standing(
        first, second, int(sum(won)), int(sum(lost)), len(votes) - int(sum(won) + sum(lost)), len(votes), len(chats),
        compared.difference or 0.0, compared.low, compared.high, compared.p, compared.verdict,
    )  # fmt: skip
