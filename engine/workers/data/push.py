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
from engine.workers.data import export as export_data
from engine.workers.data import hub_files
from engine.workers.models import hub as fetch_hub

ROWS = "export.parquet"
SPLIT_FILE = re.compile(r"data/([\w.-]+)-\d{5}-of-\d{5}\.parquet")


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Raises WorkFailedError in words."""
    repo = str(spec["repo"])
    if not (token := os.environ.get("HF_TOKEN")):
        raise WorkFailedError("config", "There is no token for the hub.", "Give one with write access.")
    disable_progress_bars()
    try:
        return _pushed(HfApi(token=token), repo, spec, out)
    except hub_files.HUB_ERRORS as error:
        raise fetch_hub.explained(repo, error, "dataset") from error
    finally:
        (out / ROWS).unlink(missing_ok=True)


def _pushed(api: HfApi, repo: str, spec: dict[str, Any], out: Path) -> dict[str, Any]:
    events.append(out, events.Progress(done=0, total=3, stage="asking the hub"))
    there = _ours(api, repo)
    split, rows, count = str(spec["split"]), out / ROWS, _written(spec, out)
    if contract.stop_requested(out):
        raise contract.Stopped
    events.append(out, events.Progress(done=1, total=3, stage="creating the repository"))
    if there is None:
        api.create_repo(repo, repo_type="dataset", private=bool(spec["private"]), exist_ok=True)
    readme = card.readme(
        {**spec["facts"], "repo": repo}, pq.read_schema(rows), _in_order({**_splits(there), split: count})
    )
    events.append(out, events.Progress(done=2, total=3, stage=f"uploading {count:,} rows"))
    done = api.create_commit(
        repo,
        [
            CommitOperationAdd(f"data/{split}-00000-of-00001.parquet", str(rows)),
            CommitOperationAdd("README.md", readme.encode("utf-8", "replace")),
        ],
        commit_message=f"{count:,} rows for {split}",
        repo_type="dataset",
    )
    return {"url": f"{api.endpoint}/datasets/{repo}", "revision": done.oid, "rows": count, "split": split}


def _written(spec: dict[str, Any], out: Path) -> int:
    """The rows as `datasets` and TRL read them, in OUT; returns how many there are."""
    facts = spec["facts"]
    rows = {"path": spec["rows"], "kind": facts["kind"], "name": facts["name"]}
    form = {"form": "trl", "file": "parquet", "packed": ""}
    made = export_data.work({**rows, "train_rows": facts["accepted"] + facts["repaired"], **form}, out)
    return int(made["rows"])


def _ours(api: HfApi, repo: str) -> DatasetInfo | None:
    """The repository when a studio made it or it is empty; None when there is none."""
    try:
        info = api.dataset_info(repo, timeout=hub_files.TIMEOUT_SECONDS)
    except RepositoryNotFoundError:
        return None
    tags = (info.card_data.get("tags") if info.card_data else None) or []
    files = {file.rfilename for file in info.siblings or []} - {".gitattributes"}
    if files and card.TAG not in tags:
        hint = "Choose another name, or delete the repository on the hub."
        raise WorkFailedError("config", f"{repo} exists on the hub, and was not made here.", hint)
    return info


def _splits(there: DatasetInfo | None) -> dict[str, int]:
    """The splits that are in the repository already, with their rows."""
    files = [file.rfilename for file in (there.siblings if there else None) or []]
    names = sorted({found[1] for path in files if (found := SPLIT_FILE.fullmatch(path))})
    said = (there.card_data.get("dataset_info") if there and there.card_data else None) or {}
    listed = said.get("splits") if isinstance(said, dict) else None
    counts = {one.get("name"): one.get("num_examples") for one in listed or [] if isinstance(one, dict)}
    return {name: int(counts.get(name) or 0) for name in names}


def _in_order(splits: dict[str, int]) -> dict[str, int]:
    known = ("train", "validation", "test")
    return dict(sorted(splits.items(), key=lambda one: (known.index(one[0]) if one[0] in known else 9, one[0])))


if __name__ == "__main__":
    contract.run(work)
