"""Versions: what is kept, under which number, and what cannot go while something holds it."""

import pytest

from engine.errors import ConflictError, NotFoundError, RefusedError, TunesmithError
from engine.exports import exports
from engine.models import deleting
from engine.process import work
from engine.registry import aliases, files, registered, versions
from engine.registry.aliases import Promotion
from engine.runs import runs as all_runs
from engine.subjects import subject
from storage import db, home
from storage.statuses import RunStatus
from storage.tables import Model, Run
from tests.engine.registry.kept_things import merged_export
from tests.serving import finished_run, ready_model
from tests.waiting import wait_for


def test_versions_of_a_name_count_up_and_a_number_never_comes_twice(runs: tuple[Run, Run]) -> None:
    first = versions.add("jokes", run_id=runs[0].id, note="the first")
    second = versions.add("jokes", run_id=runs[1].id)
    assert (first.number, first.kind, second.number) == (1, "adapter", 2)
    versions.delete("jokes", 2)
    assert versions.add("jokes", run_id=runs[1].id).number == 3
    with pytest.raises(NotFoundError) as missing:
        versions.look_up("jokes", 2)
    assert missing.value.hint == "There is: 1, 3."


def test_a_version_knows_its_files_its_base_and_where_it_comes_from(runs: tuple[Run, Run]) -> None:
    version = versions.add("jokes", run_id=runs[0].id)
    assert version.files is not None
    weights = home.run_folder(runs[0].id) / "adapter" / "adapter_model.safetensors"
    assert version.files["adapter_model.safetensors"]["size"] == weights.stat().st_size
    assert version.size_bytes == sum(path.stat().st_size for path in weights.parent.iterdir())
    assert version.lineage["base"]["name"] == "tiny"
    assert (version.lineage["dataset"]["name"], version.lineage["dataset"]["version"]) == ("rows", 1)
    assert version.lineage["run"]["name"] == "first"


def test_an_imported_model_and_a_whole_model_of_a_run_are_versions_too(base: Model) -> None:
    (home.model_folder(base.id) / "tiny" / "config.json").write_text("{}")
    imported = versions.add("plain", model_id=base.id)
    assert (imported.kind, imported.number) == ("imported", 1)
    assert versions.add("plain", run_id=finished_run(base, artifact="model").id).kind == "merged"
    with pytest.raises(ConflictError, match=r"is kept: version 1 of `plain` holds it"):
        deleting.delete_model(base.id)


@pytest.mark.parametrize(
    "name", ["", "a/b", "../x", "<b>bold</b>", "Ｊ", "a\x00b", "a\u202eb", "UPPER", "x" * 49, "-a"]
)
def test_names_that_cannot_stand_in_an_address_are_refused(runs: tuple[Run, Run], name: str) -> None:
    with pytest.raises(RefusedError, match=r"cannot be the name|needs a name"):
        versions.add(name, run_id=runs[0].id)
    assert not home.folder("registry").exists()


def test_one_thing_that_is_finished_is_kept_and_nothing_else(runs: tuple[Run, Run]) -> None:
    with pytest.raises(RefusedError, match="none was named"):
        versions.add("jokes")
    with pytest.raises(RefusedError, match="2 was named"):
        versions.add("jokes", run_id=runs[0].id, model_id="x")
    with pytest.raises(NotFoundError):
        versions.add("jokes", run_id="nothing")
    with db.session() as session:
        session.get_one(Run, runs[0].id).status = RunStatus.FAILED
    with pytest.raises(ConflictError, match="has no trained model"):
        versions.add("jokes", run_id=runs[0].id)
    with pytest.raises(RefusedError, match="cannot be seen"):
        versions.add("jokes", run_id=runs[1].id, note="turned \u202e around")
    with pytest.raises(NotFoundError):
        registered.look_up("jokes")


def test_what_a_version_holds_cannot_be_deleted_and_the_words_say_by_what(runs: tuple[Run, Run]) -> None:
    versions.add("jokes", run_id=runs[0].id)
    versions.add("sums", run_id=runs[0].id)
    with pytest.raises(ConflictError) as refused:
        all_runs.delete_run(runs[0].id)
    assert refused.value.message == "The run `first` is kept: version 1 of `jokes`, version 1 of `sums` hold it."
    assert all_runs.look_up(runs[0].id)
    versions.delete("jokes", 1)
    versions.delete("sums", 1)
    all_runs.delete_run(runs[0].id)
    with pytest.raises(NotFoundError):
        all_runs.look_up(runs[0].id)


def test_a_version_in_use_stays_and_the_words_say_by_what(runs: tuple[Run, Run]) -> None:
    versions.add("jokes", run_id=runs[0].id)
    aliases.move("jokes", "production", Promotion(1, "the first"))
    with pytest.raises(ConflictError, match="the alias `production` leads to it"):
        versions.delete("jokes", 1)
    with pytest.raises(ConflictError, match="the alias `production` leads to it"):
        registered.delete("jokes")
    aliases.remove("jokes", "production")
    registered.delete("jokes")
    with pytest.raises(NotFoundError):
        registered.look_up("jokes")


def test_a_text_names_a_version_by_number_and_by_alias(runs: tuple[Run, Run]) -> None:
    versions.add("jokes", run_id=runs[0].id)
    versions.add("jokes", export_id=merged_export(runs[1]).id)
    aliases.move("jokes", "production", Promotion(1, "first"))
    assert subject.look_up("version:jokes/1").name == f"run:{runs[0].id}"
    assert subject.look_up("version:jokes@production").folder == home.run_folder(runs[0].id) / "adapter"
    merged = subject.look_up("version:jokes/2")
    assert (merged.name, merged.weights, merged.folder.name) == ("version:jokes/2", "model", "model")
    assert merged.run.id == runs[1].id
    for text, words in {
        "version:jokes/9": "has no version 9",
        "version:jokes@nobody": "has no alias `nobody`",
        "version:other/1": "no model `other`",
        "version:jokes": "is not a version",
        "version:<b>/1": "is not a version",
        "version:jokes/1\n": "",
    }.items():
        if words:
            with pytest.raises(TunesmithError, match=words):
                subject.look_up(text)


def test_an_export_that_a_version_holds_stays(runs: tuple[Run, Run]) -> None:
    export = merged_export(runs[0])
    versions.add("jokes", export_id=export.id)
    with pytest.raises(ConflictError, match="version 1 of `jokes` holds it"):
        exports.delete(export.id)
    with pytest.raises(ConflictError, match="version 1 of `jokes` holds it"):
        all_runs.delete_run(runs[0].id)


def test_large_files_are_read_by_a_worker_and_what_changed_is_named(
    runs: tuple[Run, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "AT_ONCE_BYTES", 0)
    version = versions.add("jokes", run_id=runs[0].id)
    assert (version.files, version.work_id is not None) == (None, True)

    def is_read() -> bool:
        work.tick()
        versions.tick()
        return versions.look_up("jokes", 1).work_id is None

    wait_for(is_read)
    read = versions.look_up("jokes", 1)
    folder = home.run_folder(runs[0].id) / "adapter"
    assert read.files == files.hashed({"": folder, "base/": home.model_folder(runs[0].model_id) / "tiny"})
    (folder / "adapter_config.json").write_text("{}")
    versions.check("jokes", 1)
    wait_for(is_read)
    (changed,) = versions.look_up("jokes", 1).changed
    assert changed.startswith("adapter_config.json has 2 bytes; it had ")


def test_changes_of_files_are_told_apart() -> None:
    before = {name: {"size": 1, "sha256": name} for name in "abc"}
    now = {"a": before["a"], "b": {"size": 1, "sha256": "other"}, "d": before["c"]}
    assert files.changes(before, now) == ["c is gone.", "b holds other bytes than before.", "d was not there."]
    assert files.changes(before, before) == []


def test_note_tags_and_stage_are_changed_and_bad_ones_refused(runs: tuple[Run, Run]) -> None:
    versions.add("jokes", run_id=runs[0].id)
    changed = versions.change("jokes", 1, note="good", tags=["a", "a", "b"], stage="tested", who="me")
    assert (changed.note, changed.tags, changed.stage) == ("good", ["a", "b"], "tested")
    for change in (
        {"stage": "perfect"},
        {"note": "x" * 5000},
        {"tags": ["\x07"]},
        {"tags": [str(n) for n in range(30)]},
    ):
        with pytest.raises(RefusedError):
            versions.change("jokes", 1, **change)
    assert [line.why for line in aliases.log("jokes")[0]] == ["stage new -> tested", ""]


def test_ready_model_is_needed(base: Model) -> None:
    other = ready_model(name="other")
    with db.session() as session:
        session.get_one(Model, other.id).path = None
    with pytest.raises(ConflictError, match="is ready"):
        versions.add("plain", model_id=other.id)
