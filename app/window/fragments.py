"""The HTML that pages refresh by fetch: GET /fragments/PAGE/NAME with the page's own query."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.window import studio
from engine.errors import NotFoundError
from pages import shell
from pages.parts import chart
from pages.parts.live import Fragment

router = APIRouter(prefix="/fragments", include_in_schema=False)


@router.get("/{page}/{name}")
def fragment(page: str, name: str, request: Request) -> HTMLResponse:
    """Runs the page's function with the query, what cookies say, and who looks. Raises NotFoundError."""
    role = request.scope.get("state", {}).get("role", "viewer")  # without a door in front nobody is the owner
    kept = {"project": shell.project_of(request), "charts": request.cookies.get(chart.ORDER_COOKIE, "")}
    query = {**request.query_params, **kept, "role": role}
    return HTMLResponse(str(_look_up(page, name)(query)), headers={"cache-control": "no-store"})


def _look_up(page: str, name: str) -> Fragment:
    for module in (shell, *studio.PAGES):
        own_name = "frame" if module is shell else shell.page_name(module)
        if own_name == page and name in module.FRAGMENTS:
            function: Fragment = module.FRAGMENTS[name]
            return function
    raise NotFoundError(f"There is no fragment `{page}/{name}`.", "Reload the page: the studio may have been updated.")
