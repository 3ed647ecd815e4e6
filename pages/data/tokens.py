"""The tab Tokens: what a model would learn of the dataset, token by token and in all, before any training.

The model, the longest row and what is learnt stand in the address. Workers count; what they found does not change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from markupsafe import Markup

from engine.data import datasets, tokens
from engine.errors import ConflictError, RefusedError
from engine.process import work
from pages.data import token_rows, token_totals
from pages.parts import html
from pages.parts.pager import Place, pager
from storage import db
from storage import models as stored_models
from storage.statuses import WORK_MOVING, ModelStatus, WorkStatus
from storage.tables import Dataset, Model, Work

LABEL = "Tokens"
ROWS_A_PAGE = 10
COUNTED_AT_ONCE = 20_000  # rows; a larger dataset is counted when somebody asks
WAIT_SECONDS = 1.5  # a page takes about a second, and a first answer with its tokens beats one that says "soon"
SHORTEST, LONGEST = 8, 1_048_576  # as in a recipe
LEARN = {"answers": "The answers", "everything": "Everything"}


@dataclass(frozen=True)
class Selection:
    """What the address asks for."""

    model: Model
    length: int
    learn: str
    offset: int

    @classmethod
    def of(cls, query: Mapping[str, str], models: Sequence[Model]) -> "Selection":
        """From the address; what it leaves out is the newest model, and a recipe's own defaults."""
        model = next((model for model in models if model.id == query.get("model")), models[0])
        length = _number(query.get("length", ""), min(tokens.MAX_LENGTH, model.context_length or tokens.MAX_LENGTH))
        learn = query.get("learn", "")
        return cls(
            model,
            min(max(length, SHORTEST), LONGEST),
            learn if learn in LEARN else "answers",
            _number(query.get("from", ""), 0),
        )

    @property
    def answers_only(self) -> bool:
        return self.learn == "answers"

    def fields(self) -> dict[str, str]:
        """As in the address and in forms."""
        return {"model": self.model.id, "length": str(self.length), "learn": self.learn}


def _number(text: str, default: int) -> int:
    return int(text) if text.isdecimal() and len(text) < 16 else default


def html_of(dataset: Dataset, query: Mapping[str, str]) -> Markup:
    """What to look at, the totals of the whole dataset, and a page of rows as tokens."""
    with db.reading() as session:
        models = [model for model in stored_models.recent(session) if model.status == ModelStatus.READY and model.path]
    if not models:
        words = "Tokens are counted with a model's own tokenizer and chat template."
        return html.empty("No model is ready yet", words, "/models", "Add a model", "models")
    selection = Selection.of(query, models)
    try:
        spec = tokens.spec(dataset, selection.model, selection.length, selection.answers_only)
    except ConflictError as error:
        return _form(dataset, selection, models) + html.notice(error.message, error.hint, "calm")
    rows_job = _rows_job(dataset, selection, spec)  # first: it prepares the tokenizer, if that is new
    totals_job = _totals_job(dataset, selection, spec)
    counted = totals_job is not None and totals_job.status == WorkStatus.SUCCEEDED
    return Markup('<div class="dt-tokens">{}{}{}</div>').format(
        _form(dataset, selection, models),
        _totals(dataset, selection, totals_job),
        _rows(dataset, selection, rows_job, counted),
    )


def _form(dataset: Dataset, selection: Selection, models: Sequence[Model]) -> Markup:
    chosen = {model.id: model.name for model in models}
    learn = "" if dataset.kind not in ("chat", "completion") else _choice("Learn", "learn", LEARN, selection.learn)
    return Markup(
        '<form class="dt-ask" data-query="change" data-forget="from">{}<label><b>Longest row</b>'
        '<span><input type="number" name="length" min="{}" max="{}" value="{}" inputmode="numeric"> tokens</span>'
        "</label>{}</form>"
    ).format(_choice("Model", "model", chosen, selection.model.id), SHORTEST, LONGEST, selection.length, learn)


def _choice(label: str, name: str, choices: Mapping[str, str], chosen: str) -> Markup:
    options = html.join(
        Markup('<option value="{}"{}>{}</option>').format(value, Markup(" selected") if value == chosen else "", text)
        for value, text in choices.items()
    )
    return Markup('<label><b>{}</b><select class="dt-select" name="{}">{}</select></label>').format(
        label, name, options
    )


def _totals_job(dataset: Dataset, selection: Selection, spec: dict[str, object]) -> Work | None:
    """The work that counts the whole dataset, begun by itself when that is quickly done."""
    job = tokens.known_totals(dataset, spec)
    if job is None and tokens.is_prepared(spec) and dataset.train_rows <= COUNTED_AT_ONCE:
        return tokens.totals(dataset.id, selection.model.id, selection.length, selection.answers_only)
    return job


def _totals(dataset: Dataset, selection: Selection, job: Work | None) -> Markup:
    if job is None or job.status == WorkStatus.STOPPED:
        rows = "1 row is" if dataset.train_rows == 1 else f"{html.count(dataset.train_rows)} rows are"
        button = _button(dataset, selection, "count_tokens", "Count the whole dataset")
        return html.card("The whole dataset", Markup("<p>{} not counted yet.</p>").format(rows), aside=button)
    if job.status in WORK_MOVING:
        button = _button(dataset, selection, "stop_counting", "Stop")
        return html.card("The whole dataset", _progress(job, "Counting tokens"), aside=button)
    if job.status == WorkStatus.FAILED:
        retry = _button(dataset, selection, "count_tokens", "Try again")
        return html.card("The whole dataset", html.notice(job.error or "It failed.", job.hint or ""), aside=retry)
    return token_totals.html_of(job.result)


def _rows_job(dataset: Dataset, selection: Selection, spec: dict[str, object]) -> Work:
    """The work that makes the page, begun when nobody has asked for it yet; one that failed is not begun again."""
    job = tokens.known_rows(dataset, spec, selection.offset, ROWS_A_PAGE)
    return job or work.wait(_begin(dataset, selection).id, WAIT_SECONDS)


def _rows(dataset: Dataset, selection: Selection, job: Work, counted: bool) -> Markup:
    if job.status in WORK_MOVING:
        return html.card("Rows", _progress(job, "Making tokens of the rows"))
    if job.status != WorkStatus.SUCCEEDED:
        retry = _button(dataset, selection, "tokens_again", "Try again")
        return html.card("Rows", html.notice(job.error or "It failed.", job.hint or ""), aside=retry)
    return token_rows.html_of(job, noted=counted) + _pager(dataset, selection)


def _progress(job: Work, words: str) -> Markup:
    stage = (job.stage or words).capitalize()
    return Markup('<div class="da-importing"><p><span>{}</span></p>{}</div>').format(
        stage, html.progress(job.progress, stage)
    )


def _begin(dataset: Dataset, selection: Selection) -> Work:
    return tokens.begin_rows(
        dataset.id,
        selection.model.id,
        selection.offset,
        ROWS_A_PAGE,
        max_length=selection.length,
        assistant_only_loss=selection.answers_only,
    )


def _button(dataset: Dataset, selection: Selection, act: str, label: str) -> Markup:
    fields = selection.fields() | {"from": str(selection.offset)}
    hidden = html.join(
        Markup('<input type="hidden" name="{}" value="{}">').format(name, value) for name, value in fields.items()
    )
    return Markup(
        '<div class="ts-actions"><form data-act="{}" data-id="{}">{}<button class="ts-button">{}</button></form></div>'
    ).format(act, dataset.id, hidden, label)


def _pager(dataset: Dataset, selection: Selection) -> Markup:
    def address(offset: int) -> str:
        query = {"dataset": dataset.id, "show": "tokens", **selection.fields(), "from": offset}
        return f"/data?{urlencode(query)}"

    return pager(Place(selection.offset, ROWS_A_PAGE, dataset.train_rows), address)


def _count(dataset_id: str, values: Mapping[str, str], _project: str) -> None:
    selection = _selection(values)
    tokens.totals(dataset_id, selection.model.id, selection.length, selection.answers_only)


def _stop(dataset_id: str, values: Mapping[str, str], _project: str) -> None:
    selection = _selection(values)
    work.stop(tokens.totals(dataset_id, selection.model.id, selection.length, selection.answers_only).id)


def _again(dataset_id: str, values: Mapping[str, str], _project: str) -> None:
    _begin(datasets.look_up(dataset_id), _selection(values))


def _selection(values: Mapping[str, str]) -> Selection:
    with db.reading() as session:
        model = stored_models.get(session, values.get("model", ""))
    if model is None:
        raise RefusedError("The model is gone.", "Choose another one.")
    return Selection.of(values, [model])


ACTS = {"count_tokens": _count, "stop_counting": _stop, "tokens_again": _again}
