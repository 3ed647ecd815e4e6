"""What an endpoint serves without an alias is in use: named by which endpoint, and not deleted."""

import pytest

from engine.errors import ConflictError
from engine.exports import exports
from engine.registry import described, disk, following, registered, usage, versions
from engine.runs import bulk
from engine.runs import runs as all_runs
from engine.serve import endpoints
from storage import db
from storage import models as stored_models
from storage.tables import Endpoint, Export, ModelVersion, Run
from tests.engine.registry.kept_things import merged_export
from tests.serving import active, finished_run, ready_model

pytestmark = pytest.mark.usefixtures("fake_server")


@pytest.fixture
def run() -> Run:
    return finished_run(ready_model())


@pytest.fixture
def export(run: Run) -> Export:
    """A merged model, kept as version 1 of `jokes`."""
    row = merged_export(run)
    versions.add("jokes", export_id=row.id)
    return row


@pytest.fixture
def whole(export: Export) -> Endpoint:
    """An endpoint that serves that version by its number."""
    return following.serve("whole", "version:jokes/1")


def test_a_merged_version_is_served_as_a_model_of_its_own(whole: Endpoint) -> None:
    served = active(whole)
    with db.reading() as session:
        model = stored_models.get(session, str(served.model_id))
    assert model is not None
    assert (model.name, served.adapters) == ("jokes version 1", [])


def test_a_merged_version_that_is_served_by_its_number_names_the_endpoint_and_stays(
    export: Export, whole: Endpoint
) -> None:
    (version,) = described.model("jokes")["version_list"]
    assert (version["aliases"], version["endpoints"]) == ([], ["whole"])
    with db.reading() as session:
        assert usage.of_export(session, export.id) == ["version 1 of `jokes`", "endpoint `whole`"]
    (thing,) = [thing for thing in disk.look().things if thing.kind == "export"]
    assert thing.used_by == ["version 1 of `jokes`", "endpoint `whole`"]
    with pytest.raises(ConflictError, match="Version 1 of `jokes` is in use: the endpoint `whole` serves it"):
        versions.delete("jokes", 1)
    with pytest.raises(ConflictError, match="The model `jokes` is in use: the endpoint `whole` serves version 1"):
        registered.delete("jokes")
    endpoints.stop_endpoint(whole.id)
    versions.delete("jokes", 1)
    registered.delete("jokes")


def test_the_files_of_what_is_served_stay_with_export_and_run(run: Run, export: Export, whole: Endpoint) -> None:
    with db.session() as session:  # as a studio did that did not look for merged models
        session.delete(session.get_one(ModelVersion, versions.look_up("jokes", 1).id))
    with pytest.raises(ConflictError, match="The endpoint `whole` serves this export"):
        exports.delete(export.id)
    with pytest.raises(ConflictError, match="`whole` serves a model that was exported from the run"):
        all_runs.delete_run(run.id)
    assert [refused["id"] for refused in bulk.act_on("delete", [run.id]).refused] == [run.id]
    endpoints.stop_endpoint(whole.id)
    exports.delete(export.id)
    all_runs.delete_run(run.id)


def test_an_adapter_kept_as_an_export_is_in_use_where_its_run_is_served(run: Run) -> None:
    export, _ = exports.create(f"run:{run.id}", "adapter")
    versions.add("jokes", export_id=export.id)
    following.serve("sharp", "version:jokes/1")
    with pytest.raises(ConflictError, match="the endpoint `sharp` serves it"):
        versions.delete("jokes", 1)
