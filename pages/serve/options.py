"""The options of a backend as fields of a form, made from what its model says about each of them.

A title is the label, a description the help, a type decides the component. An empty field is an option that is not set:
its value is settled at the start, and shown as the placeholder where it can be proposed.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import gradio as gr
from gradio.components import Component
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from engine.serve.endpoints import ExternalOptions
from engine.serve.vllm.options import VllmOptions

MODELS: dict[str, type[BaseModel]] = {"vllm": VllmOptions, "external": ExternalOptions}

# What most people look for; the rest is folded away.
COMMON = ("dtype", "quantization", "max_model_len", "gpu_memory_utilization", "kv_cache_gib", "max_num_seqs")
AUTO = ("Automatic", "unset")  # an empty choice: a Gradio choice cannot have the value None
_SWITCH = {AUTO[1]: None, "on": True, "off": False}
_NAMES = re.compile(r"`(dtype|quantization)`|`?\b([a-z]+(?:_[a-z]+)+)\b`?")
_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~])")
WRONG = "sv-wrong"  # the class of a field whose value is refused
LONG = 180  # characters of help, and its field takes a whole row


def names(kind: str) -> tuple[str, ...]:
    """The options of a kind, the common ones first."""
    fields = MODELS[kind].model_fields
    return (*(name for name in COMMON if name in fields), *(name for name in fields if name not in COMMON))


def called(kind: str, text: str) -> str:
    """A text in which every option has the label of its field in place of its name."""
    titles = {name: field.title for name, field in MODELS.get(kind, VllmOptions).model_fields.items() if field.title}

    def label(match: re.Match[str]) -> str:
        title = titles.get(match[1] or match[2])
        return f"“{title}”" if title else match[0]

    return _NAMES.sub(label, text)


def in_words(options: Mapping[str, Any]) -> str:
    """Options in a line, by their labels; an option without one by its name."""
    fields = VllmOptions.model_fields
    pairs = [(fields[name].title if name in fields else None, name, value) for name, value in options.items()]
    return ", ".join(f"{title or name}: {_text(value)}" for title, name, value in pairs)


def is_common(name: str) -> bool:
    return name in COMMON


def component(kind: str, name: str) -> Component:
    """The field of an option, not rendered yet."""
    field = MODELS[kind].model_fields[name]
    shared: dict[str, Any] = {
        "label": field.title or name,
        "info": literal(help_of(field)),
        "value": shown(kind, name, None),
        "interactive": True,
        "render": False,
        "elem_id": f"option-{kind}-{name}",
        "elem_classes": _classes(field),
    }
    match _sort(field):
        case "bool":
            return gr.Checkbox(**shared)
        case "choice":
            return gr.Dropdown(_choices(field), **shared)
        case "suggested":
            return gr.Dropdown(_choices(field), allow_custom_value=True, **shared)
        case "list":
            return gr.Textbox(lines=2, max_lines=6, **shared)
        case _:  # for numbers too: gr.Number would send 0 for an empty field, and lose what is not a number
            return gr.Textbox(max_lines=1, **shared)


def literal(text: str) -> str:
    """A text that a field's info shows as it is: Gradio reads it as Markdown, where `fp8_per_token` loses its lines."""
    return _MARKS.sub(r"\\\1", text)


def help_of(field: FieldInfo) -> str:
    """What the option means, and what it may be."""
    text = (field.description or "").strip()
    if _sort(field) == "list":
        text = f"{text} One a line.".strip()
    limits = _limits(field)
    return f"{text} {limits}".strip() if limits else text


def _limits(field: FieldInfo) -> str:
    facts: dict[str, Any] = {}
    for part in field.metadata:
        facts |= {
            name: getattr(part, name) for name in ("ge", "gt", "le", "lt") if getattr(part, name, None) is not None
        }
    least, most = facts.get("ge", facts.get("gt")), facts.get("le", facts.get("lt"))
    if least is None and most is None:
        return ""
    if most is None:
        return f"{'At least' if 'ge' in facts else 'More than'} {least:,}."
    if least is None:
        return f"{'At most' if 'le' in facts else 'Less than'} {most:,}."
    return f"{least:,} to {most:,}." if "ge" in facts else f"Above {least:,}, up to {most:,}."


def _types(field: FieldInfo) -> tuple[Any, ...]:
    """The types an option may have, without None."""
    annotation = field.annotation
    inner = get_args(annotation) if get_origin(annotation) not in (Literal, list, tuple, dict, None) else (annotation,)
    return tuple(kind for kind in inner if kind is not type(None))


def _sort(field: FieldInfo) -> str:
    types = _types(field)
    if field.annotation is bool:
        return "bool"
    if types == (bool,) or any(get_origin(kind) is Literal for kind in types):
        return "choice"
    if types == (int,):
        return "int"
    if set(types) <= {int, float} and types:
        return "float"
    if any(get_origin(kind) in (list, tuple) for kind in types):
        return "list"
    return "suggested" if types == (str,) and field.examples else "text"


def _is_open(field: FieldInfo) -> bool:
    """Whether it may be left to the start."""
    return type(None) in get_args(field.annotation)


def _choices(field: FieldInfo) -> list[tuple[str, str]]:
    if _types(field) == (bool,):
        return [AUTO, ("On", "on"), ("Off", "off")]
    words = [str(word) for kind in _types(field) if get_origin(kind) is Literal for word in get_args(kind)]
    words = words or [str(word) for word in field.examples or ()]
    return [*([AUTO] if _is_open(field) else []), *((word, word) for word in words)]


def shown(kind: str, name: str, value: Any) -> Any:
    """An option's value as its field shows it; None is one that is not set."""
    field = MODELS[kind].model_fields[name]
    value = field.default if value is None else value
    match _sort(field):
        case "choice" if _types(field) == (bool,):
            return next(word for word, switch in _SWITCH.items() if switch == value)
        case "choice" | "suggested":
            return AUTO[1] if value is None else str(value)
        case "list":
            return "\n".join(map(str, value or ()))
        case "bool":
            return value
    return _text(value)


def _text(value: Any) -> str:
    if isinstance(value, BaseModel):
        return value.model_dump_json(exclude_none=True)
    if isinstance(value, dict):
        return json.dumps(value)
    return "" if value is None else str(value)


def meant(kind: str, values: Sequence[Any]) -> dict[str, Any]:
    """The options that the fields' values stand for, in the order of `names`. What is left open is left out."""
    options = {}
    for name, value in zip(names(kind), values, strict=True):
        field = MODELS[kind].model_fields[name]
        meaning = _meaning(field, value)
        if meaning is not None and meaning != field.default:
            options[name] = meaning
    return options


def _meaning(field: FieldInfo, value: Any) -> Any:
    if isinstance(value, str):
        value = value.strip()
    if value in (None, "", AUTO[1]):
        return None
    match _sort(field):
        case "choice" if _types(field) == (bool,):
            return _SWITCH.get(value, value)
        case "list":
            return [line.strip() for line in str(value).splitlines() if line.strip()]
        case "int" | "float" as sort:
            return _number(value, int if sort == "int" else float)
    return value


def _number(text: str, kind: type[int] | type[float]) -> int | float | str:
    """The number, where it is one; else what was typed, for the model to refuse."""
    try:
        return kind(text.replace(",", "").replace("_", ""))
    except ValueError:
        return text


def problems(kind: str, options: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with each option, by its name; "" is for what concerns several."""
    try:
        MODELS[kind].model_validate(options)
    except ValidationError as error:
        return _by_field(kind, error)
    return {}


def _by_field(kind: str, error: ValidationError) -> dict[str, str]:
    messages: dict[str, str] = {}
    for violation in error.errors(include_url=False, include_context=False):
        where = str(violation["loc"][0]) if violation["loc"] else ""
        words = str(violation["msg"]).removeprefix("Value error, ").replace("Input should be", "Must be")
        said = called(kind, f"{words[:1].upper()}{words[1:]}.")
        messages.setdefault(where if where in MODELS[kind].model_fields else "", said)
    return messages


def marked(kind: str, name: str, problem: str) -> Any:
    """A field with what is wrong with it, or with nothing; its value stays."""
    field = MODELS[kind].model_fields[name]
    help = help_of(field)
    info = problem if len(problem) > LONG else f"{problem} {help}".strip()
    return gr.update(info=literal(info), elem_classes=[*_classes(field), *([WRONG] if problem else [])])


def _classes(field: FieldInfo) -> list[str]:
    return ["sv-option", "sv-wide"] if len(help_of(field)) > LONG else ["sv-option"]


def proposed(kind: str, name: str, value: Any) -> Any:
    """A field with the value that is taken while it is empty, where there is one."""
    field = MODELS[kind].model_fields[name]
    if _sort(field) not in ("int", "float", "text", "list"):
        words = {True: "on", False: "off"}.get(value, value)
        return gr.skip() if value is None else gr.update(info=literal(f"{help_of(field)} Here: {words}."))
    return gr.update(placeholder="" if value is None else _text(value))
