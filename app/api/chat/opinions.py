"""What people think of answers, over REST: votes between two, ratings of one; counted, taken back, made into rows."""

from dataclasses import asdict
from itertools import islice
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import Field

from app.answers.errors import NOT_FOUND
from app.answers.fields import LARGEST, Answer, Body, Limit, Name, Offset, ProjectFilter, RowId
from app.api.data.datasets import DatasetAnswer
from engine.chat import opinion_rows, opinions
from engine.evaluate import votes
from storage.tables import DEFAULT_PROJECT, Dataset, Message

router = APIRouter(tags=["chats"])

Number = Annotated[int, Path(alias="id", ge=1, le=LARGEST, description="The number of the turn in its chat.")]


class VoteBody(Body):
    question_id: int = Field(ge=1, le=LARGEST, description="The number of a question with two answers.")
    better: opinions.Better = Field(description="tuned: the first answer. base: the second. tie: both are as good.")


class RatingBody(Body):
    message_id: int = Field(ge=1, le=LARGEST, description="The number of an answer.")
    good: bool = Field(description="true: thumb up. false: thumb down.")


class OpinionsBody(Body):
    name: Name | None = Field(default=None, description="What lists show.")
    project_id: RowId = Field(default=DEFAULT_PROJECT, description="The project whose opinions are taken.")


class SideAnswer(Answer):
    message_id: int = Field(description="The number of the answer.")
    model: str = Field(description="The served name.")
    weights: str = Field(description="What stood behind it then: RUN, RUN@STEP or a model's id.")


class VoteAnswer(Answer):
    question_id: int = Field(description="The number of the question.")
    chat_id: str = Field(description="The chat it is in.")
    better: str = Field(description="tuned, base or tie.")
    tuned: SideAnswer = Field(description="The first answer.")
    base: SideAnswer = Field(description="The second.")


class RatingAnswer(SideAnswer):
    chat_id: str = Field(description="The chat it is in.")
    good: bool = Field(description="true: thumb up. false: thumb down.")


class StandingAnswer(Answer):
    first: str = Field(description="The served name that won more often.")
    first_weights: str = Field(description="What stood behind it.")
    second: str = Field(description="The other one.")
    second_weights: str = Field(description="What stood behind it.")
    won: int = Field(description="Votes for the first.")
    lost: int = Field(description="Votes for the second.")
    tied: int = Field(description="Votes for both.")
    votes: int = Field(description="All of them.")
    chats: int = Field(description="In how many chats.")
    difference: float = Field(description="Share won less share lost, -1 to 1.")
    low: float | None = Field(description="Lower end of its 95 % interval.")
    high: float | None = Field(description="Upper end.")
    p: float = Field(description="How often chance alone gives a difference as large.")
    verdict: Literal["better", "no_proof", "worse"] | None = Field(description="Of the first; from 20 chats on.")
    words: str = Field(description="The same in a sentence.")


@router.post("/votes", status_code=201, summary="Vote for an answer", responses=NOT_FOUND)
def create_vote(body: VoteBody) -> VoteBody:
    """Says which of two answers is better. A vote before about the same question is replaced."""
    opinions.vote(body.question_id, body.better)
    return body


@router.get("/votes", summary="List votes")
def list_votes(project_id: ProjectFilter = None, offset: Offset = 0, limit: Limit = 100) -> list[VoteAnswer]:
    """The votes, the oldest chat first."""
    voted = islice(opinions.voted(project_id), offset, offset + limit)
    return [
        VoteAnswer(
            question_id=one.question.id or 0,
            chat_id=one.question.chat_id,
            better=one.question.better,
            **{answer.side: _side(answer) for answer in one.answers()},
        )
        for one in voted
    ]


@router.get("/votes/standings", summary="Count votes")
def show_standings(project_id: ProjectFilter = None) -> list[StandingAnswer]:
    """For each two models: how often each won, with an interval and what it proves."""
    return [_standing(one) for one in votes.standings(project_id)]


@router.delete("/votes/{id}", status_code=204, summary="Take a vote back", responses=NOT_FOUND)
def delete_vote(question_id: Number) -> None:
    """The question counts no more."""
    opinions.vote(question_id, None)


@router.post("/votes/dataset", status_code=201, summary="Votes as a dataset", response_model=DatasetAnswer)
def make_votes_dataset(body: OpinionsBody | None = None) -> Dataset:
    """All votes of a project as a new dataset of preferences, for DPO and its like."""
    return _dataset("votes", body or OpinionsBody())


@router.post("/ratings", status_code=201, summary="Rate an answer", responses=NOT_FOUND)
def create_rating(body: RatingBody) -> RatingBody:
    """Thumb up or down. A rating before is replaced."""
    opinions.rate(body.message_id, body.good)
    return body


@router.get("/ratings", summary="List ratings")
def list_ratings(project_id: ProjectFilter = None, offset: Offset = 0, limit: Limit = 100) -> list[RatingAnswer]:
    """The rated answers, the oldest chat first."""
    rated = islice(opinions.rated(project_id), offset, offset + limit)
    return [
        RatingAnswer(**_side(answer).model_dump(), chat_id=answer.chat_id, good=answer.rating > 0)
        for _, answer in rated
    ]


@router.delete("/ratings/{id}", status_code=204, summary="Take a rating back", responses=NOT_FOUND)
def delete_rating(message_id: Number) -> None:
    """The answer is not rated any more."""
    opinions.rate(message_id, None)


@router.post("/ratings/dataset", status_code=201, summary="Ratings as a dataset", response_model=DatasetAnswer)
def make_ratings_dataset(body: OpinionsBody | None = None) -> Dataset:
    """All ratings of a project as a new dataset of marked answers, for KTO."""
    return _dataset("ratings", body or OpinionsBody())


def _dataset(opinion: opinion_rows.Opinion, body: OpinionsBody) -> Dataset:
    return opinion_rows.make_dataset(opinion, body.project_id, body.name or "")


def _side(answer: Message) -> SideAnswer:
    return SideAnswer(message_id=answer.id or 0, model=answer.model, weights=answer.weights)


def _standing(one: votes.Standing) -> StandingAnswer:
    models = dict(zip(("first", "first_weights", "second", "second_weights"), (*one.first, *one.second), strict=True))
    return StandingAnswer.model_validate({**asdict(one), **models, "words": one.words()})
