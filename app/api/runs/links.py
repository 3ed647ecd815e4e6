"""Links to watch a run, over REST; links to a chat are made in the same way."""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from pydantic import Field

from app.answers.errors import NOT_FOUND
from app.answers.fields import Answer, Body, NamedId, PathId
from app.door.access import Access
from engine.accounts import live_links
from storage.tables import LiveLink

router = APIRouter(tags=["runs"])


class LinkBody(Body):
    expires_in: float = Field(
        default=live_links.USUAL_SECONDS,
        ge=live_links.SHORTEST_SECONDS,
        le=live_links.LONGEST_SECONDS,
        description="Seconds until it ends: a minute to a year, seven days if left out.",
    )


class LinkAnswer(Answer):
    id: str = Field(description="The link's id, for revoking it.")
    created_at: float = Field(description="Seconds since 1970, UTC.")
    expires_at: float = Field(description="When it ends.")


class NewLinkAnswer(LinkAnswer):
    url: str = Field(description="The address to give away. It is answered this once; the studio keeps only a hash.")


@router.post("/runs/{id}/links", status_code=201, summary="Make a live link", responses=NOT_FOUND)
def create_link(run_id: NamedId, request: Request, body: LinkBody | None = None) -> NewLinkAnswer:
    """A link at which the run can be watched without a login: state, charts and answers, and nothing else of it."""
    return make_link("run", run_id, request, body)


@router.get("/runs/{id}/links", summary="Live links of a run", response_model=list[LinkAnswer], responses=NOT_FOUND)
def list_links(run_id: NamedId) -> Sequence[LiveLink]:
    """The links that still open the run, the oldest first, without their addresses."""
    return live_links.open_links("run", run_id)


@router.delete("/links/{id}", status_code=204, summary="Revoke a link", responses=NOT_FOUND)
def revoke_link(link_id: PathId) -> None:
    """The link, to a run or to a chat, opens nothing from now on."""
    live_links.revoke_link(link_id)


def make_link(kind: live_links.Kind, id: str, request: Request, body: LinkBody | None) -> NewLinkAnswer:
    """A new link, with its address. Raises NotFoundError, RefusedError."""
    link, token = live_links.create_link(kind, id, (body or LinkBody()).expires_in)
    url = f"{_studio(request)}/live/{token}"
    return NewLinkAnswer(**LinkAnswer.model_validate(link).model_dump(), url=url)


def _studio(request: Request) -> str:
    """The address at which others reach the studio: that of the tunnel, or the one that this request came to."""
    access: Access = request.app.state.access
    if access.share_address:
        return access.share_address
    host, scheme = request.headers["host"], request.url.scheme
    if access.embedded:
        scheme = "https"  # a Space's proxy speaks plain HTTP to the studio
    if access.trust_proxy:
        forwarded = request.headers.get("x-forwarded-host", "")
        host = forwarded if forwarded and access.knows_host(forwarded) else host
        scheme = "https" if request.headers.get("x-forwarded-proto") == "https" else scheme
    return f"{scheme}://{host}"
