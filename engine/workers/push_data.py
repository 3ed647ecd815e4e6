"""Pushes a dataset to the hub: `python -m engine.workers.push_data SPEC.json OUT/`.

Spec: {"rows": Parquet file, "repo": "owner/name", "private", "split", "facts": for the card}. Leaves in the
repository data/SPLIT-00000-of-00001.parquet and README.md, in one commit. A repository that exists and was not made by
a studio is never touched. The token comes from HF_TOKEN in the environment, and is written nowhere.
Result: {"url", "revision", "rows", "split"}.
"""

import os
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.hf_api import DatasetInfo
from huggingface_hub.utils.tqdm import disable_progress_bars

from engine import events
from engine.data import card
from engine.workers import contract, fetch_data, fetch_hub
from engine.workers.contract import WorkFailedError

BATCH_ROWS = 1000
ROW_NUMBERS = "row"  # of the file here; of no use to others
SPLIT_FILE = re.compile(r"data/([\w.-]+)-\d{5}-of-\d{5}\.parquet")


def work(spec: dict[str, Any], out: Path) -> dict[str, Any]:
    """Raises WorkFailedError in words."""
    repo = str(spec["repo"])
    if not (token := os.environ.get("HF_TOKEN")):
        raise WorkFailedError("config", "There is no token for the hub.", "Give one that may write.")
    disable_progress_bars()
    try:
        return _pushed(HfApi(token=token), repo, spec, out)
    except fetch_data.HUB_ERRORS as error:
        raise fetch_hub.explained(repo, error, "dataset") from error
    finally:
        (out / "rows.parquet").unlink(missing_ok=True)


def _pushed(api: HfApi, repo: str, spec: dict[str, Any], out: Path) -> dict[str, Any]:
    events.append(out, events.Progress(done=0, total=3, stage="asking the hub"))
    there = _ours(api, repo)
    split, rows = str(spec["split"]), out / "rows.parquet"
    schema, count = compact(Path(spec["rows"]), rows)
    if contract.stop_requested(out):
        raise contract.Stopped
    events.append(out, events.Progress(done=1, total=3, stage="creating the repository"))
    if there is None:
        api.create_repo(repo, repo_type="dataset", private=bool(spec["private"]), exist_ok=True)
    readme = card.readme({**spec["facts"], "repo": repo}, schema, _in_order({**_splits(there), split: count}))
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


def _ours(api: HfApi, repo: str) -> DatasetInfo | None:
    """The repository when a studio made it or it is empty; None when there is none."""
    try:
        info = api.dataset_info(repo, timeout=fetch_data.TIMEOUT_SECONDS)
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


def compact(source: Path, target: Path) -> tuple[pa.Schema, int]:
    """Copies the rows without the parts that no row fills (tools, extra, a turn's name ...) and the row numbers.

    A split of one repository has its own columns; `datasets` fills in what another lacks.
    """
    with pq.ParquetFile(source) as file:
        columns = [path for path in _leaves(file) if path != ROW_NUMBERS and _is_filled(file, path)]
        schema = file.read_row_group(0, columns=columns).schema
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=columns, use_threads=False):
                writer.write_batch(batch)
        return schema, int(file.metadata.num_rows)


def _leaves(file: Any) -> list[str]:
    return [str(file.schema.column(number).path) for number in range(len(file.schema.names))]


def _is_filled(file: Any, path: str) -> bool:
    """Whether a row has a value there. Ends at the first row group with one; empty ones take next to no time."""
    groups = (file.read_row_group(number, columns=[path]).column(0) for number in range(file.num_row_groups))
    return any(_has_value(chunk) for group in groups for chunk in group.chunks)


def _has_value(values: Any) -> bool:
    while pa.types.is_nested(values.type):
        values = values.field(0) if pa.types.is_struct(values.type) else values.flatten()
    return bool(values.null_count < len(values))


if __name__ == "__main__":
    contract.run(work)
