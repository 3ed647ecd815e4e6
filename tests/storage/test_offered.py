"""What forms offer and the registry shows of measurements is read without the kilobytes beside it."""

from engine.registry import measured
from pages.evaluate import new_form
from pages.registry import keeping
from storage import db
from storage.tables import ModelVersion
from tests import stored_runs
from tests.load.counting import counting
from tests.stored_evaluations import add as add_evaluation


def test_forms_read_names_and_no_json() -> None:
    run_id = stored_runs.add("sums", artifact="adapter")
    with db.reading() as session, counting() as counted:
        choices = new_form.subjects(session, "default")
        new_form.new_html(session, {"project": "default"}, choices)
        keeping.form({"project": "default"})
    assert choices[0] == (f"run:{run_id}", "sums")
    read = " ".join(counted.statements)
    for column in ("run.recipe", "run.tags", "dataset.origin", "dataset.columns", "model.facts", "model.tags"):
        assert column not in read


def test_what_was_measured_of_versions_is_picked_out_in_the_database() -> None:
    metric = {"name": "loss", "title": "Loss", "tuned": 1.0, "base": 2.0, "difference": -1.0, "low": -2.0, "high": 0.0}
    result = {"verdict": "better", "rows": 7, "primary": "loss", "metrics": [metric], "worse_rows": ["x" * 10_000]}
    add_evaluation("report", subject="run:r1", result=result)
    version = ModelVersion(registered_id="n", number=1, kind="adapter", run_id="r1", lineage={})
    with counting() as counted:
        [told] = measured.of("kept", [version])[1]
    assert (told["verdict"], told["rows"], told["sentence"]) == ("better", 7, None)
    assert told["primary"]["difference"] == -1.0
    [statement] = counted.statements
    columns = statement.partition("FROM")[0]
    assert columns.count("evaluation.result") == columns.count("(evaluation.result, ")
