"""The training and the validation file of a job as one dataset, whose rows say to which of both they belong.

A dataset of several files knows splits (`engine.rows.readers.splits`), and a training holds the rows of `validation`
out for its curve (`engine.rows.heldout`). So the studio shows them, and resumes with them, as any others.
"""

import os
from pathlib import Path
from secrets import token_hex

from engine.data import datasets, importing
from engine.finetuning.wrong import ParameterError
from storage import db, home
from storage.openai import jobs as stored
from storage.tables import Dataset, TuningJob


def dataset(job: TuningJob, training: Dataset, validation: Dataset) -> Dataset:
    """The dataset of both files: the one that was made for the job, or a new one that begins to be read."""
    with db.reading() as session:
        made = stored.joined_for(session, job.id)
    if made is not None:
        return made
    paths = [
        _linked(training, "train", "training_file"),
        _linked(validation, "validation", "validation_file"),
    ]
    origin = {**importing.chosen(training.origin.get(importing.ENCODING)), "job": job.id}
    name = f"{training.name[:60]} with validation"
    return datasets.import_files(paths, name, job.project_id, mapping=training.mapping, origin=origin)


def _linked(source: Dataset, split: str, param: str) -> tuple[Path, str]:
    """The file of a dataset beside the uploads, where an import takes it from, under a name that says its split."""
    kept = importing.sources(source)
    if len(kept) != 1 or not kept[0][0].is_file():
        text = f"The file of the dataset `{source.name}` is not kept, so it cannot be used with a validation file."
        raise ParameterError(f"{text} Upload it with POST /v1/files.", param, "file_not_kept")
    path, name = kept[0]
    link = home.ensure_folder(home.uploads()) / token_hex(16)
    os.link(path, link)
    os.utime(link)  # an upload that looks old is swept away
    return link, split + "".join(
        Path(name).suffixes[-2:] if name.endswith((".gz", ".zst")) else Path(name).suffixes[-1:]
    )
