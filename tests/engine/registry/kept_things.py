"""Things that versions hold, as their makers leave them."""

import json

from engine.process import work
from storage import db
from storage.statuses import WorkStatus
from storage.tables import Export, Run, Work


def merged_export(run: Run) -> Export:
    """An export that has succeeded: a small merged model in the folder of its work."""
    made = Work(kind="export_merged", subject_id=run.id, key="k", spec={}, status=WorkStatus.SUCCEEDED)
    made.result = {"folder": "model", "parity": 0.0}
    folder = work.folder(made) / "model"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"architectures": ["X"]}))
    (folder / "model.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    export = Export(run_id=run.id, subject=f"run:{run.id}", kind="merged", options={"dtype": "base"}, work_id=made.id)
    with db.session() as session:
        session.add(made)
        session.add(export)
    return export
