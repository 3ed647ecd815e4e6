"""Searches the hub for models that write text: `python -m engine.workers.models.hub_search SPEC.json OUT/`.

Spec: {"text"}. Result: {"models": [{"id", "parameters", "downloads", "likes", "gated", "licence", "updated"}]}, the
most downloaded first; only models with safetensors. A process of its own, as a hub that does not answer takes its time.
"""

import os
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import constants
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.utils import (  # type: ignore[attr-defined]
    build_hf_headers,
    get_session,
    hf_raise_for_status,
)

from engine.process import events
from engine.workers import contract
from engine.workers.models import hub

TIMEOUT_SECONDS = 10
MOST = 24
FACTS = ("downloads", "likes", "gated", "safetensors", "tags", "lastModified")


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Raises WorkFailedError where the hub cannot be asked."""
    events.append(out, events.Progress(done=0, stage="asking the hub"))
    query: dict[str, Any] = {
        "search": spec["text"],
        "filter": "safetensors",
        "pipeline_tag": "text-generation",
        "sort": "downloads",
        "limit": MOST,
        "expand": list(FACTS),
    }
    # One request instead of HfApi.list_models(), which tries five times and waits in between: a person waits here.
    headers = build_hf_headers(token=os.environ.get("HF_TOKEN") or False)
    try:
        address = f"{constants.ENDPOINT}/api/models"
        response = get_session().get(address, params=query, headers=headers, timeout=TIMEOUT_SECONDS)
        hf_raise_for_status(response)
    except (HfHubHTTPError, httpx2.HTTPError, OfflineModeIsEnabled, ConnectionError) as error:
        raise hub.explained(spec["text"], error) from error
    return {"models": [_described(entry) for entry in response.json()[:MOST]]}


def _described(entry: dict[str, Any]) -> dict[str, Any]:
    weights = entry.get("safetensors") or {}
    tags = [tag for tag in entry.get("tags") or [] if isinstance(tag, str)]
    licences = [tag.removeprefix("license:") for tag in tags if tag.startswith("license:")]
    return {
        "id": str(entry["id"]),
        "parameters": weights.get("total"),
        "downloads": entry.get("downloads"),
        "likes": entry.get("likes"),
        "gated": bool(entry.get("gated")),
        "licence": licences[0] if licences else None,
        "updated": str(entry.get("lastModified") or "")[:10] or None,
    }


if __name__ == "__main__":
    contract.run(work)
