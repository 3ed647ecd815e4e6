"""What a person has typed of a sweep in the Train form, and the sweep it means.

The form carries it as JSON: which fields are searched, and every control's text by its name, such as
`learning_rate.low` or `sampler`. A text that is no number stays one, so that the refusal can name it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from engine.recipes import evaluations, steps
from engine.recipes.methods import METHODS
from engine.recipes.recipe import Recipe, makes_use_of
from engine.sweeps import proposals, reported, yaml_file
from engine.sweeps.spec import TASTE, Choices, Dimension, SweepSpec
from pages.train.recipe_words import value_words

NOTHING, ON = "", "on"
TRIALS = "20"  # of a budget that nobody has set
FIRST_FIELD = "learning_rate"
EMPTY_WORD, EMPTY_TEXT = "automatic", "empty"  # how None and "" are written among choices
SEPARATOR = "\n"


@dataclass(frozen=True)
class Typed:
    """The sweep of the form. `shape`: the method and tuning its controls were made for."""

    open: bool = False
    fields: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    shape: str = ""

    def to_json(self) -> str:
        values = {"open": self.open, "fields": self.fields, "texts": dict(self.texts), "shape": self.shape}
        return json.dumps(values) if self.open or self.texts else ""

    def text(self, name: str, usual: str = NOTHING) -> str:
        return self.texts.get(name, usual).strip()


def from_json(text: str) -> Typed:
    """What the browser kept; nothing where that cannot be read."""
    try:
        kept = json.loads(text or "{}")
        texts = {str(name): str(value)[:10_000] for name, value in kept["texts"].items()}
        names = tuple(str(name) for name in kept["fields"] if str(name) in Recipe.model_fields)
        return Typed(bool(kept["open"]), names, texts, str(kept["shape"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        return Typed()


def shape(recipe: Mapping[str, Any]) -> str:
    """What decides which controls there are."""
    return "/".join(str(recipe.get(name)) for name in ("method", "tuning", "reward_funcs"))


def fitted(typed: Typed, recipe: Mapping[str, Any]) -> Typed:
    """The sweep after the recipe's method or tuning changed: without fields that it no longer reads."""
    fields = tuple(name for name in typed.fields if name in offered(recipe))
    texts = {name: text for name, text in typed.texts.items() if "." not in name or name.partition(".")[0] in fields}
    if typed.shape and typed.shape != shape(recipe):
        # What is good for one method is not for another, and its metrics are others.
        texts = {name: text for name, text in texts.items() if name not in ("metric", "second")}
        texts = {name: text for name, text in texts.items() if name.partition(".")[0] != FIRST_FIELD}
    answer = replace(typed, fields=fields, texts=texts, shape=shape(recipe))
    for name in fields:
        answer = answer if f"{name}.kind" in texts else added(answer, name, recipe)
    return answer


def offered(recipe: Mapping[str, Any]) -> list[str]:
    """The fields that have a button: those of which something can be proposed."""
    method, tuning = str(recipe["method"]), str(recipe["tuning"])
    names = proposals.sweepable(method, tuning)
    return [name for name in names if proposals.propose(name, method, tuning, recipe) is not None]


def opened(typed: Typed, recipe: Mapping[str, Any]) -> Typed:
    """A sweep begins with what matters most; one that was closed is as it was."""
    typed = replace(typed, open=True)
    return fitted(typed if typed.fields else added(typed, FIRST_FIELD, recipe), recipe)


def added(typed: Typed, name: str, recipe: Mapping[str, Any]) -> Typed:
    """With a field, at what is proposed for it."""
    part = proposals.propose(name, str(recipe["method"]), str(recipe["tuning"]), recipe)
    if part is None:
        return typed
    fields = typed.fields if name in typed.fields else (*typed.fields, name)
    return replace(typed, fields=fields, texts={**typed.texts, **_texts(name, part)})


def removed(typed: Typed, name: str) -> Typed:
    texts = {key: text for key, text in typed.texts.items() if key.partition(".")[0] != name or "." not in key}
    return replace(typed, fields=tuple(other for other in typed.fields if other != name), texts=texts)


def turned(typed: Typed, name: str, recipe: Mapping[str, Any]) -> Typed:
    """A range becomes choices, or choices a range."""
    if typed.text(f"{name}.kind") != "choices":
        return added(typed, name, recipe) if f"{name}.low" not in typed.texts else typed
    if typed.text(f"{name}.choices"):
        return typed
    low, high = (_number(typed.text(f"{name}.{end}")) for end in ("low", "high"))
    ends = [value_words(end) for end in (low, high) if isinstance(end, int | float)]
    return replace(typed, texts={**typed.texts, f"{name}.choices": SEPARATOR.join(ends)})


def _texts(name: str, part: Dimension) -> dict[str, str]:
    if isinstance(part, Choices):
        return {f"{name}.kind": "choices", f"{name}.choices": SEPARATOR.join(_written(one) for one in part.choices)}
    ends = {f"{name}.low": value_words(part.low), f"{name}.high": value_words(part.high)}
    step = NOTHING if part.step is None else value_words(part.step)
    return {f"{name}.kind": "range", **ends, f"{name}.log": ON if part.log else NOTHING, f"{name}.step": step}


def _written(value: Any) -> str:
    """As `_choice` reads it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return EMPTY_WORD if value is None else EMPTY_TEXT if value == "" else value_words(value)


def spec_values(typed: Typed, recipe: Mapping[str, Any], name: str, dataset_rows: int | None) -> dict[str, Any]:
    """The sweep as plain values, as `engine.sweeps.parsing.parse` takes them."""
    budget = {"trials": typed.text("trials", TRIALS), "seconds": _seconds(typed), "tokens": typed.text("tokens")}
    proxy = {"max_steps": typed.text("proxy_steps"), "data_share": _share(typed.text("proxy_share"))}
    if any(proxy.values()):
        proxy["full"] = typed.text("full", "3")
    values = {
        "name": typed.text("name") or name,
        "recipe": _recipe(recipe, typed, dataset_rows),
        "space": {field_name: _dimension(typed, field_name) for field_name in typed.fields},
        "objective": _objective(typed, recipe),
        "sampler": typed.text("sampler", "tpe"),
        "pruner": typed.text("pruner", "none"),
        "budget": _given(budget),
        "proxy": _given(proxy) or None,
        **{key: typed.text(key) for key in ("parallel", "seed", "repeats", "patience", "failures")},
    }
    return _given(values)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was left empty."""
    return {name: value for name, value in values.items() if value not in (NOTHING, None)}


def _seconds(typed: Typed) -> Any:
    hours = _number(typed.text("hours"))
    return hours * 3600 if isinstance(hours, int | float) else hours


def _share(text: str) -> Any:
    percent = _number(text.removesuffix("%"))
    return percent / 100 if isinstance(percent, int | float) else percent


def _objective(typed: Typed, recipe: Mapping[str, Any]) -> Any:
    method = METHODS.get(str(recipe.get("method")))
    usual = method.measure if method else "eval_loss"
    names = [typed.text("metric", usual) or usual, typed.text("second")]
    objectives = [{"metric": name, "direction": direction(name)} for name in names if name]
    return objectives[0] if len(objectives) == 1 else objectives


def direction(metric: str) -> str:
    """Which way is better, where the metric says it itself."""
    higher = metric == TASTE or reported.better(metric) == "higher"
    return "maximize" if higher else "minimize"


def _dimension(typed: Typed, name: str) -> dict[str, Any]:
    if typed.text(f"{name}.kind") == "choices":
        lines = [line.strip() for line in typed.text(f"{name}.choices").split(SEPARATOR)]
        return {"choices": [_choice(name, line) for line in lines if line]}
    part = {end: _number(typed.text(f"{name}.{end}")) for end in ("low", "high", "step")}
    return {**_given(part), "log": typed.text(f"{name}.log") == ON}


def _choice(name: str, text: str) -> Any:
    """A choice as the recipe means it."""
    annotation = Recipe.model_fields[name].annotation
    if text == EMPTY_WORD and annotation is not str:
        return None
    if annotation in (bool, bool | None):
        return {"on": True, "off": False}.get(text, text)
    if proposals.is_number(name):
        return _number(text)
    return NOTHING if text == EMPTY_TEXT and annotation is str else text


def _number(text: str) -> Any:
    """The number; the text where it is none."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _recipe(recipe: Mapping[str, Any], typed: Typed, dataset_rows: int | None) -> dict[str, Any]:
    """The form's recipe, with trials measured at the same steps where it leaves that open."""
    try:
        whole = Recipe.model_validate(recipe)
    except ValidationError:  # what is searched may be what is wrong with it
        return {name: value for name, value in recipe.items() if value != Recipe.model_fields[name].default}
    fields = yaml_file.recipe_fields(whole)
    total = steps.total_steps(whole, dataset_rows) if dataset_rows else None
    proxy = _number(typed.text("proxy_steps"))
    if isinstance(proxy, int) and proxy > 0:
        total = min(proxy, total or proxy)
    if total and whole.eval_steps is None and makes_use_of(whole, "eval_steps") and whole.eval_fraction != 0:
        fields["eval_steps"] = evaluations.evaluated_every(total)
    return fields


def typed_from(spec: SweepSpec, recipe: Mapping[str, Any]) -> Typed:
    """What the form shows of a sweep that was read from a file."""
    texts: dict[str, str] = {"name": spec.name, "sampler": spec.sampler, "pruner": spec.pruner}
    for name, part in spec.space.items():
        texts |= _texts(name, part)
    for key, objective in zip(("metric", "second"), spec.objectives, strict=False):
        texts[key] = objective.metric
    budget, proxy = spec.budget, spec.proxy
    texts["trials"] = _shown(budget.trials)
    texts["hours"] = _shown(None if budget.seconds is None else budget.seconds / 3600)
    texts["tokens"] = _shown(budget.tokens)
    if proxy:
        texts["proxy_steps"], texts["full"] = _shown(proxy.max_steps), _shown(proxy.full)
        texts["proxy_share"] = _shown(None if proxy.data_share is None else proxy.data_share * 100)
    for key in ("parallel", "seed", "repeats", "patience", "failures"):
        texts[key] = _shown(getattr(spec, key))
    return Typed(True, tuple(spec.space), texts, shape(recipe))


def _shown(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.10g}"
