"""The finder: what of the project carries the words, each with where it leads."""

import re

from engine.chat import chat
from engine.serve import endpoints
from pages import finder
from storage import db
from storage.statuses import DatasetStatus
from storage.tables import Dataset, Project
from tests import recorded_sweep
from tests.serving import finished_run, ready_model

OPTION = r'<a role="option" tabindex="-1" href="([^"]+)">.*?<small>([^<]+)</small>'


def hits(text: str, project: str = "default") -> list[tuple[str, str]]:
    """Kind and address of each hit."""
    options = re.findall(
        r'<a role="option" tabindex="-1" href="([^"]+)">.*?<small>([^<]+)</small>', shown(text, project)
    )
    return [(kind, href) for href, kind in options]


def shown(text: str, project: str = "default") -> str:
    return finder.hits_html({"q": text, "project": project})


def test_everything_of_the_project_is_found_by_its_name() -> None:
    run = finished_run(ready_model(name="tiny jokes"), "Jokes <b>, v2")
    dataset = Dataset(project_id="default", name="all jokes", status=DatasetStatus.READY, sha256="0" * 64)
    with db.session() as session:
        session.add_all([dataset, Project(id="other", name="other")])
    picture = recorded_sweep.picture(name="jokes, first sweep")
    recorded_sweep.store(picture)
    endpoints.create_endpoint("jokes-far", "external", options={"url": "http://127.0.0.1:9/v1", "model": "m"})
    talk = chat.new_chat(title="Tell me jokes")
    assert hits("jokes") == [
        ("run, succeeded", f"/runs?run={run.id}"),
        ("dataset", f"/data?dataset={dataset.id}"),
        ("model", f"/models?model={run.model_id}"),
        ("sweep, succeeded", f"/sweeps?sweep={picture.id}"),
        ("endpoint", "/serve"),
        ("chat", f"/chat?chat={talk.id}"),
        ("search the guide", "/help?q=jokes"),
    ]
    assert "<b>" not in shown("jokes")
    assert [kind for kind, _ in hits("sweep first")] == ["sweep, succeeded", "search the guide"]
    assert [kind for kind, _ in hits("jokes", "other")] == ["model", "search the guide"]  # models belong to all


def test_nothing_is_looked_for_without_words_and_long_ones_are_cut() -> None:
    assert shown("  ") == ""
    assert hits('"><script>' + "x" * 500)[0][0] == "search the guide"
    assert "<script" not in shown('"><script>')
