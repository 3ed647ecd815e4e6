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
from storage import models as stored
from storage.statuses import WORK_MOVING, ModelStatus, WorkStatus
from storage.tables import Dataset, Model, Work

LABEL = "Tokens"
ROWS_A_PAGE = 10
COUNTED_AT_ONCE = 20_000  # rows; a larger dataset is counted when somebody asks
WAIT_SECONDS = 1.5  # a page takes about a second, and a first answer with its tokens beats one that says "soon"
SHORTEST, LONGEST = 8, 1_048_576  # as in a recipe
LEARN = {"answers": "The answers", "everything": "Everything"}


@dataclass(frozen=True)
class Asked:
    """What the address asks for."""

    model: Model
    length: int
    learn: str
    offset: int

    @classmethod
    def of(cls, query: Mapping[str, str], models: Sequence[Model]) -> "Asked":
        """From the address; what it leaves out is the newest model, and a recipe's own defaults."""
        model = next((one for one in models if one.id == query.get("model")), models[0])
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
        models = [one for one in stored.recent(session) if one.status == ModelStatus.READY and one.path]
    if not models:
        words = "Tokens are counted with a model's own tokenizer and chat template."
        return html.empty("No model is ready yet", words, "/models", "Add a model", "models")
    asked = Asked.of(query, models)
    try:
        wanted = tokens.spec(dataset, asked.model, asked.length, asked.answers_only)
    except ConflictError as error:
        return _form(dataset, asked, models) + html.notice(error.message, error.hint, "calm")
    page = _page_of_rows(dataset, asked, wanted)  # first: it prepares the tokenizer, if that is new
    sums = _counting(dataset, asked, wanted)
    counted = sums is not None and sums.status == WorkStatus.SUCCEEDED
    return Markup('<div class="dt-tokens">{}{}{}</div>').format(
        _form(dataset, asked, models), _totals(dataset, asked, sums), _rows(dataset, asked, page, counted)
    )


def _form(dataset: Dataset, asked: Asked, models: Sequence[Model]) -> Markup:
    chosen = {one.id: one.name for one in models}
    learn = "" if dataset.kind not in ("chat", "completion") else _choice("Learn", "learn", LEARN, asked.learn)
    return Markup(
        '<form class="dt-ask" data-query="change" data-forget="from">{}<label><b>Longest row</b>'
        '<span><input type="number" name="length" min="{}" max="{}" value="{}" inputmode="numeric"> tokens</span>'
        "</label>{}</form>"
    ).format(_choice("Model", "model", chosen, asked.model.id), SHORTEST, LONGEST, asked.length, learn)


def _choice(label: str, name: str, choices: Mapping[str, str], chosen: str) -> Markup:
    options = html.join(
        Markup('<option value="{}"{}>{}</option>').format(value, Markup(" selected") if value == chosen else "", text)
        for value, text in choices.items()
    )
    return Markup('<label><b>{}</b><select class="dt-select" name="{}">{}</select></label>').format(
        label, name, options
    )


def _counting(dataset: Dataset, asked: Asked, wanted: dict[str, object]) -> Work | None:
    """The work that counts the whole dataset, begun by itself when that is quickly done."""
    done = tokens.known_totals(dataset, wanted)
    if done is None and tokens.is_prepared(wanted) and dataset.train_rows <= COUNTED_AT_ONCE:
        return tokens.totals(dataset.id, asked.model.id, asked.length, asked.answers_only)
    return done


def _totals(dataset: Dataset, asked: Asked, done: Work | None) -> Markup:
    if done is None or done.status == WorkStatus.STOPPED:
        rows = "1 row is" if dataset.train_rows == 1 else f"{html.count(dataset.train_rows)} rows are"
        button = _button(dataset, asked, "count_tokens", "Count the whole dataset")
        return html.card("The whole dataset", Markup("<p>{} not counted yet.</p>").format(rows), aside=button)
    if done.status in WORK_MOVING:
        button = _button(dataset, asked, "stop_counting", "Stop")
        return html.card("The whole dataset", _progress(done, "Counting tokens"), aside=button)
    if done.status == WorkStatus.FAILED:
        again = _button(dataset, asked, "count_tokens", "Try again")
        return html.card("The whole dataset", html.notice(done.error or "It failed.", done.hint or ""), aside=again)
    return token_totals.html_of(done.result)


def _page_of_rows(dataset: Dataset, asked: Asked, wanted: dict[str, object]) -> Work:
    """The work that makes the page, begun when nobody has asked for it yet; one that failed is not begun again."""
    done = tokens.known_rows(dataset, wanted, asked.offset, ROWS_A_PAGE)
    return done or work.wait(_begin(dataset, asked).id, WAIT_SECONDS)


def _rows(dataset: Dataset, asked: Asked, done: Work, counted: bool) -> Markup:
    if done.status in WORK_MOVING:
        return html.card("Rows", _progress(done, "Making tokens of the rows"))
    if done.status != WorkStatus.SUCCEEDED:
        again = _button(dataset, asked, "tokens_again", "Try again")
        return html.card("Rows", html.notice(done.error or "It failed.", done.hint or ""), aside=again)
    return token_rows.html_of(done, noted=counted) + _pager(dataset, asked)


def _progress(done: Work, words: str) -> Markup:
    stage = (done.stage or words).capitalize()
    return Markup('<div class="da-importing"><p><span>{}</span></p>{}</div>').format(
        stage, html.progress(done.progress, stage)
    )


def _begin(dataset: Dataset, asked: Asked) -> Work:
    return tokens.begin_rows(
        dataset.id,
        asked.model.id,
        asked.offset,
        ROWS_A_PAGE,
        max_length=asked.length,
        assistant_only_loss=asked.answers_only,
    )


def _button(dataset: Dataset, asked: Asked, act: str, label: str) -> Markup:
    fields = asked.fields() | {"from": str(asked.offset)}
    hidden = html.join(
        Markup('<input type="hidden" name="{}" value="{}">').format(name, value) for name, value in fields.items()
    )
    return Markup(
        '<div class="ts-actions"><form data-act="{}" data-id="{}">{}<button class="ts-button">{}</button></form></div>'
    ).format(act, dataset.id, hidden, label)


def _pager(dataset: Dataset, asked: Asked) -> Markup:
    def address(offset: int) -> str:
        where = {"dataset": dataset.id, "show": "tokens", **asked.fields(), "from": offset}
        return f"/data?{urlencode(where)}"

    return pager(Place(asked.offset, ROWS_A_PAGE, dataset.train_rows), address)


def _count(dataset_id: str, values: Mapping[str, str], _project: str) -> None:
    asked = _asked(values)
    tokens.totals(dataset_id, asked.model.id, asked.length, asked.answers_only)


def _stop(dataset_id: str, values: Mapping[str, str], _project: str) -> None:
    asked = _asked(values)
    work.stop(tokens.totals(dataset_id, asked.model.id, asked.length, asked.answers_only).id)


def _again(dataset_id: str, values: Mapping[str, str], _project: str) -> None:
    _begin(datasets.look_up(dataset_id), _asked(values))


def _asked(values: Mapping[str, str]) -> Asked:
    with db.reading() as session:
        model = stored.get(session, values.get("model", ""))
    if model is None:
        raise RefusedError("The model is gone.", "Choose another one.")
    return Asked.of(values, [model])


ACTS = {"count_tokens": _count, "stop_counting": _stop, "tokens_again": _again}
