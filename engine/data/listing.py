"""Lists of datasets: name, tags and description, which all versions of a dataset share; many at once."""

from collections.abc import Sequence

from engine import listed
from engine.data import datasets, deleting
from engine.existing import existing
from storage import datasets as stored
from storage import db
from storage.tables import Dataset


def change(dataset_id: str, asked: listed.Change) -> Dataset:
    """The dataset with new values; its other versions get them too. Raises NotFoundError, RefusedError."""
    values = asked.checked("dataset")
    with db.session() as session:
        dataset = existing(session, Dataset, dataset_id)
        listed.write(stored.family(session, dataset.family_id), values)
        return dataset


def act_on(action: listed.Action, dataset_ids: Sequence[str], tag: str = "") -> listed.Outcome:
    """Deletes datasets with all their versions, or tags them. Raises RefusedError for none, too many, or a bad tag."""
    if action == "delete":
        return deleting.delete_all(dataset_ids)
    listed.with_tag((), action, tag, "dataset")  # a bad tag is refused once, not for each of them

    def act(dataset_id: str) -> None:
        change(dataset_id, listed.Change(tags=listed.with_tag(tags_of(dataset_id), action, tag, "dataset")))

    return listed.with_each(dataset_ids, "dataset", act)


def tags_of(dataset_id: str) -> list[str]:
    return datasets.look_up(dataset_id).tags
