"""Sleep, wake and trials of endpoints over REST."""

from fastapi import APIRouter
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Body, NamedId
from app.api.endpoint_fields import PlanAnswer
from app.api.endpoints import DeployBody, EndpointAnswer
from engine.serve import endpoints
from engine.serve.takeover import handover
from engine.serve.waking import sleeping

router = APIRouter(tags=["endpoints"])


class LifeBody(Body):
    idle_minutes: float | None = Field(
        description="The endpoint sleeps after so many minutes without a request, from 1; null: never."
    )


@router.patch("/endpoints/{id}", summary="Change when an endpoint sleeps", responses=NOT_FOUND | CONFLICT)
def change_endpoint(endpoint_id: NamedId, body: LifeBody) -> EndpointAnswer:
    """Sets after how many minutes without a request the endpoint sleeps."""
    sleeping.set_idle_minutes(endpoint_id, body.idle_minutes)
    return _answer(endpoint_id)


@router.post("/endpoints/{id}/sleep", summary="Send an endpoint to sleep", responses=NOT_FOUND | CONFLICT)
def put_endpoint_to_sleep(endpoint_id: NamedId) -> EndpointAnswer:
    """Frees the endpoint's memory once its answers are written. The next request wakes it."""
    sleeping.sleep(endpoint_id)
    return _answer(endpoint_id)


@router.post("/endpoints/{id}/wake", summary="Wake an endpoint", responses=NOT_FOUND | CONFLICT)
def wake_endpoint(endpoint_id: NamedId) -> EndpointAnswer:
    """Starts a sleeping endpoint again; requests wait meanwhile."""
    sleeping.wake(endpoint_id)
    return _answer(endpoint_id)


@router.post("/endpoints/{id}/promote", summary="Keep the version on trial", responses=NOT_FOUND | CONFLICT)
def promote_endpoint(endpoint_id: NamedId) -> EndpointAnswer:
    """Has the version on trial take over now. `rollback` sends it back."""
    handover.decide(endpoint_id, "promote")
    return _answer(endpoint_id)


@router.post("/endpoints/{id}/deploy/plan", summary="See how a deployment would go", responses=NOT_FOUND | CONFLICT)
def plan_deployment(endpoint_id: NamedId, body: DeployBody) -> PlanAnswer:
    """Whether memory fits both versions, or the old one is stopped first. Starts nothing."""
    return PlanAnswer.model_validate(endpoints.plan_deployment(endpoint_id, body.wanted(), body.asked()))


def _answer(endpoint_id: str) -> EndpointAnswer:
    return EndpointAnswer.model_validate(endpoints.describe(endpoints.look_up(endpoint_id)))
