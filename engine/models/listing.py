"""Lists of models: name, tags and description; many at once."""

from collections.abc import Sequence

from engine import listed
from engine.existing import existing
from engine.models import deleting, models
from storage import db
from storage.tables import Model


def change(model_id: str, asked: listed.Change) -> Model:
    """The model with new values. Raises NotFoundError, RefusedError."""
    values = asked.checked("model")
    with db.session() as session:
        model = existing(session, Model, model_id)
        listed.write([model], values)
        return model


def act_on(action: listed.Action, model_ids: Sequence[str], tag: str = "") -> listed.Outcome:
    """Deletes models, or tags them. Raises RefusedError for none, too many, or a tag that cannot be kept."""
    if action == "delete":
        return deleting.delete_all(model_ids)
    listed.with_tag((), action, tag, "model")  # a bad tag is refused once, not for each of them

    def act(model_id: str) -> None:
        tags = models.look_up(model_id).tags
        change(model_id, listed.Change(tags=listed.with_tag(tags, action, tag, "model")))

    return listed.with_each(model_ids, "model", act)
