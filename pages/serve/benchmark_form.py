"""The forms of the benchmarks: what is filled in, and what was filled in as a load."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from sqlmodel import Session

from engine.benchmarks import tuner_plan, written
from engine.benchmarks.benchmarks import ASKING
from engine.benchmarks.load import Load
from engine.serve import routing
from pages.parts import fields, html
from storage import datasets, endpoints
from storage.statuses import DatasetStatus
from storage.tables import Backend, Endpoint

Values = Mapping[str, str]
Answering = Sequence[tuple[Endpoint, Backend]]
MOST_DATASETS = 100


def answering(session: Session, project_id: str) -> Answering:
    """The endpoints of a project that answer now."""
    return [(endpoint, backend) for endpoint, backend in endpoints.routes(session) if endpoint.project_id == project_id]


def measure_form(session: Session, project_id: str, ready: Answering) -> Markup:
    """The form for a benchmark."""
    names = [
        (f"{endpoint.id} {name}", name)
        for endpoint, backend in ready
        for name in routing.served_names(endpoint, backend)
    ]
    rows = [
        (dataset.id, dataset.name)
        for dataset in datasets.recent(session, project_id, MOST_DATASETS)
        if dataset.status == DatasetStatus.READY and dataset.kind in ASKING
    ]
    way = [("backend", "straight to the server"), ("gateway", "through the gateway")]
    return fields.form(
        "measure", "", "Measure",
        fields.select("model", "Name", names),
        fields.text("concurrency", "Requests at once", "1,4,16", "1,4,16"),
        fields.number("prompts", "Requests per level", 64, least=1, most=100_000),
        fields.select("dataset_id", "Prompts", [("", "random words"), *rows]),
        fields.number("input_tokens", "Prompt tokens", 128, least=1, most=1_000_000),
        fields.number("output_tokens", "Answer tokens", 64, least=1, most=100_000),
        fields.number("repeats", "Repeats", 1, least=1, most=20),
        fields.select("until_saturated", "Double until it saturates", [("", "no"), ("yes", "yes")]),
        fields.text("rate", "Or requests a second", "such as 2.5"),
        fields.text("goodput", "Objective, ms", "ttft=200,tpot=50"),
        fields.select("through", "Way", way),
    )  # fmt: skip


def tuner_form(ready: Answering) -> Markup:
    """The form for a tuner; nothing where no endpoint has options that are usually tried."""
    tunable = [(endpoint, backend) for endpoint, backend in ready if tuner_plan.default_options(backend)]
    if not tunable:
        return Markup()
    usual = " ".join(
        f"{name}={','.join(map(str, values))}" for name, values in tuner_plan.default_options(tunable[0][1]).items()
    )
    where = [("", "if memory allows"), ("beside", "keeps answering"), ("in_place", "does not answer")]
    return fields.form(
        "tune", "", "Try them",
        fields.select("endpoint_id", "Endpoint", [(endpoint.id, endpoint.name) for endpoint, _ in tunable]),
        fields.text("options", "Options and values", usual, usual),
        fields.number("concurrency", "Requests at once", 16, least=1, most=1024),
        fields.number("prompts", "Requests", 64, least=1, most=100_000),
        fields.number("input_tokens", "Prompt tokens", 128, least=1, most=1_000_000),
        fields.number("output_tokens", "Answer tokens", 64, least=1, most=100_000),
        fields.text("goodput", "Objective, ms", "ttft=200,tpot=50"),
        fields.select("where", "The endpoint", where),
    )  # fmt: skip


def load_of(values: Values) -> Load:
    """What was filled in, as a load. Raises RefusedError, a line for each field that is wrong."""
    whole = ("prompts", "input_tokens", "output_tokens", "repeats")
    given: dict[str, Any] = {name: fields.whole(values, name, _LABELS[name]) for name in whole if values.get(name)}
    if values.get("rate", "").strip():
        given["rate"] = fields.real(values, "rate", "a number of requests a second")
    else:
        given["concurrency"] = written.numbers(values.get("concurrency", ""))
    if values.get("dataset_id"):
        given["dataset_id"] = values["dataset_id"]
    given["until_saturated"] = values.get("until_saturated") == "yes"
    given["goodput"] = written.objective(values.get("goodput", ""))
    return written.load(**given)


_LABELS = {
    "prompts": "the requests of a level",
    "input_tokens": "the tokens of a prompt",
    "output_tokens": "the tokens of an answer",
    "repeats": "the repeats",
}


def folds(measure: Markup, tune: Markup) -> Markup:
    """Both forms, each closed until it is wanted."""
    parts = [("Measure an endpoint", measure), ("Try options of an endpoint", tune)]
    return html.join(
        Markup('<details data-key="{}"><summary>{}</summary>{}</details>').format(title, title, form)
        for title, form in parts
        if form
    )
