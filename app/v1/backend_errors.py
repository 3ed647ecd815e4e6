"""Errors of backends, in OpenAI's shape. Each server has its own, and clients only read OpenAI's.

{"error": {"message": ...}}              OpenAI, vLLM, SGLang, the studio's own: passed on as it is
{"error": "...", "error_type": "..."}    TGI; without the type Ollama
{"detail": "Not Found"}                  FastAPI, so vLLM for a route it does not have
{"detail": [{"loc": ..., "msg": ...}]}   FastAPI, for a field of the wrong type
{"object": "error", "message": ...}      older vLLM and SGLang
"""

from typing import Any

from app.v1.request_bodies import ApiError

MOST_CHARACTERS = 2000
OPTIONAL_ROUTES = {
    "embeddings": "the studio's own server, vLLM with an embedding model, or an outside server that has them",
    "responses": "vLLM, or an outside server that has them",
    "score": "the studio's own server with a reward model, vLLM with one, or an outside server that has them",
}
WRITING_ROUTES = ("chat/completions", "completions")
WRITES = "a server that writes text; this one gives numbers"
LACKING = (404, 405, 501)


def is_openais(answer: Any) -> bool:
    """Whether an answer is an error in OpenAI's shape already."""
    error = answer.get("error") if isinstance(answer, dict) else None
    return isinstance(error, dict) and isinstance(error.get("message"), str)


def translated(answer: Any, status: int) -> ApiError:
    """An error in OpenAI's shape, with as much of what the backend says as can be understood."""
    text = _text(answer).strip()
    message = text[:MOST_CHARACTERS] if text else f"The backend answered {status} and does not say why."
    code = answer.get("code") if isinstance(answer, dict) else None
    return ApiError(message, status, _field(answer), code if isinstance(code, str) else None)


def lacks(route: str, status: int, answer: Any) -> bool:
    """Whether a backend says that it does not have this route, and not that it does not have the model."""
    if status not in LACKING:
        return False
    if route in WRITING_ROUTES:  # nearly every server has them, so only the plain words of FastAPI count
        return isinstance(answer, dict) and answer == {"detail": "Not Found"}
    if route not in OPTIONAL_ROUTES:
        return False
    error = answer.get("error") if isinstance(answer, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    kind = error.get("type") if isinstance(error, dict) else None
    return code != "model_not_found" and kind != "NotFoundError"


def lacking(route: str, model: str, backend_kind: str) -> ApiError:
    """What is said then."""
    which = {"external": "The outside server", "vllm": "vLLM, as it was started,"}.get(backend_kind, "The backend")
    by = OPTIONAL_ROUTES.get(route, WRITES)
    text = f"{which} behind `{model}` has no /v1/{route}. These are answered by {by}."
    return ApiError(text, 404, "model", "route_not_found")


def _text(answer: Any) -> str:
    if isinstance(answer, str):
        return answer
    if isinstance(answer, list):
        return "; ".join(filter(None, (_text(part) for part in answer[:20])))
    if not isinstance(answer, dict):
        return ""
    if isinstance(answer.get("msg"), str):
        place = ".".join(str(part) for part in answer.get("loc") or () if part != "body")
        return f"`{place}`: {answer['msg']}" if place else str(answer["msg"])
    return next((text for name in ("error", "message", "detail", "reason") if (text := _text(answer.get(name)))), "")


def _field(answer: Any) -> str | None:
    """The field that FastAPI names first."""
    try:
        return str(answer["detail"][0]["loc"][-1])[:100]
    except (KeyError, IndexError, TypeError):
        return None
