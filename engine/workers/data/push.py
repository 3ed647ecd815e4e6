"""Pushes a dataset to the hub: `python -m engine.workers.data.push SPEC.json OUT/`.

Spec: {"rows": Parquet file, "repo": "owner/name", "private", "split", "facts": for the card}. Leaves in the
repository data/SPLIT-00000-of-00001.parquet and README.md, in one commit. A repository that exists and was not made by
a studio is never touched. The token comes from HF_TOKEN in the environment, and is written nowhere.
Result: {"url", "revision", "rows", "split"}.
"""

import os
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.hf_api import DatasetInfo
from huggingface_hub.utils.tqdm import disable_progress_bars

from engine.process import events
from engine.rows.export import card
from engine.workers import contract
from engine.workers.contract import WorkFailedError
from engine.workers.data import export, hub_files
from engine.workers.models import hub

ROWS = "export.parquet"
SPLIT_FILE = re.compile(r"data/([\w.-]+)-\d{5}-of-\d{5}\.parquet")


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Raises WorkFailedError in words."""
    repo_id = str(spec["repo"])
    if not (token := os.environ.get("HF_TOKEN")):
        raise WorkFailedError("config", "There is no token for the hub.", "Give one with write access.")
    disable_progress_bars()
    try:
        return _pushed(HfApi(token=token), repo_id, spec, out)
    except hub_files.HUB_ERRORS as error:
        raise hub.explained(repo_id, error, "dataset") from error
    finally:
        (out / ROWS).unlink(missing_ok=True)


def _pushed(api: HfApi, repo_id: str, spec: dict[str, Any], out: Path) -> dict[str, Any]:
    events.append(out, events.Progress(done=0, total=3, stage="asking the hub"))
    existing = _own_repository(api, repo_id)
    split, rows, count = str(spec["split"]), out / ROWS, _written(spec, out)
    if contract.stop_requested(out):
        raise contract.Stopped
    events.append(out, events.Progress(done=1, total=3, stage="creating the repository"))
    if existing is None:
        api.create_repo(repo_id, repo_type="dataset", private=bool(spec["private"]), exist_ok=True)
    readme = card.readme(
        {**spec["facts"], "repo": repo_id}, pq.read_schema(rows), _in_order({**_splits(existing), split: count})
    )
    events.append(out, events.Progress(done=2, total=3, stage=f"uploading {count:,} rows"))
    commit = api.create_commit(
        repo_id,
        [
            CommitOperationAdd(f"data/{split}-00000-of-00001.parquet", str(rows)),
            CommitOperationAdd("README.md", readme.encode("utf-8", "replace")),
        ],
        commit_message=f"{count:,} rows for {split}",
        repo_type="dataset",
    )
    return {"url": f"{api.endpoint}/datasets/{repo_id}", "revision": commit.oid, "rows": count, "split": split}


def _written(spec: dict[str, Any], out: Path) -> int:
    """The rows as `datasets` and TRL read them, in OUT; returns how many there are."""
    facts = spec["facts"]
    rows = {"path": spec["rows"], "kind": facts["kind"], "name": facts["name"]}
    form = {"form": "trl", "file": "parquet", "packed": ""}
    exported = export.work({**rows, "train_rows": facts["accepted"] + facts["repaired"], **form}, out)
    return int(exported["rows"])


def _own_repository(api: HfApi, repo_id: str) -> DatasetInfo | None:
    """The repository when a studio made it or it is empty; None when there is none."""
    try:
        info = api.dataset_info(repo_id, timeout=hub_files.TIMEOUT_SECONDS)
    except RepositoryNotFoundError:
        return None
    tags = (info.card_data.get("tags") if info.card_data else None) or []
    files = {file.rfilename for file in info.siblings or []} - {".gitattributes"}
    if files and card.TAG not in tags:
        hint = "Choose another name, or delete the repository on the hub."
        raise WorkFailedError("config", f"{repo_id} exists on the hub, and was not made here.", hint)
    return info


def _splits(existing: DatasetInfo | None) -> dict[str, int]:
    """The splits that are in the repository already, with their rows."""
    files = [file.rfilename for file in (existing.siblings if existing else None) or []]
    names = sorted({match[1] for path in files if (match := SPLIT_FILE.fullmatch(path))})
    dataset_info = (existing.card_data.get("dataset_info") if existing and existing.card_data else None) or {}
    listed = dataset_info.get("splits") if isinstance(dataset_info, dict) else None
    counts = {split.get("name"): split.get("num_examples") for split in listed or [] if isinstance(split, dict)}
    return {name: int(counts.get(name) or 0) for name in names}


def _in_order(splits: dict[str, int]) -> dict[str, int]:
    usual_order = ("train", "validation", "test")
    return dict(
        sorted(splits.items(), key=lambda item: (usual_order.index(item[0]) if item[0] in usual_order else 9, item[0]))
    )


if __name__ == "__main__":
    contract.run(work)
