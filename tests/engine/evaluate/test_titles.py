"""What subjects are called."""

from engine.evaluate import titles
from storage import db
from tests.browser.stored_runs import add_run


def test_runs_steps_and_models_have_their_names_and_others_stay_as_they_are() -> None:
    run_id = add_run("jokes")
    subjects = [f"run:{run_id}", f"run:{run_id}@1200", "model:m1", "run:gone", "version:jokes/3", "<b>"]
    with db.reading() as session:
        called = titles.of(session, subjects)
    assert [called[one] for one in subjects] == [
        "jokes", "jokes, step 1,200", "tiny", "run:gone", "version:jokes/3", "<b>"
    ]  # fmt: skip
