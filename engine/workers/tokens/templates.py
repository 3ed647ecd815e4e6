"""Chat templates, rendered as transformers renders them, in the same sandbox, without importing it.

The template comes from a stranger, so each render is limited: see `engine.workers.limits` for time and memory; here the
length of what it writes and the size of its arithmetic. A test holds the output against transformers' own.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from jinja2 import Template as Compiled
from jinja2 import TemplateError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

Message = Mapping[str, Any]
Source = str | dict[str, str]

MOST_BITS = 100_000  # of a number
MOST_REPEATED = 1_000_000  # characters, or items of a list
WRITTEN_BY_ITSELF = 200_000  # characters that a template may add to any chat: the longest known needs 20,000
WRITTEN_A_CHARACTER = 10  # and for each character of the chat, which may be written as \\u1234


class Template:
    """A model's chat template with the special tokens it may name (`bos_token`, `eos_token` ...).

    `source` is one template, or several by name: `tool_use` is then taken for chats with tools, `default` for others.
    """

    def __init__(self, source: Source, special: Mapping[str, Any]) -> None:
        self.source = source
        self.special = dict(special)

    def render(
        self, messages: Sequence[Message], add_generation_prompt: bool = False, tools: list[Any] | None = None
    ) -> str:
        """The chat as text; with `add_generation_prompt`, up to where the answer begins.

        Raises jinja2.TemplateError, in the template's own words, when it refuses the chat or goes wrong.
        """
        if not messages:
            raise TemplateError("There is no turn to write.")
        chat = [{name: value for name, value in turn.items() if value is not None} for turn in messages]
        max_characters = WRITTEN_BY_ITSELF + WRITTEN_A_CHARACTER * _characters([chat, tools])
        try:
            compiled = _compiled(self._chosen(tools))
            return _written(
                compiled, max_characters, {**self.special, **_variables(chat, tools, add_generation_prompt)}
            )
        except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RecursionError) as error:
            raise TemplateError(f"{type(error).__name__}: {error}"[:500]) from error

    def _chosen(self, tools: list[Any] | None) -> str:
        if isinstance(self.source, str):
            return self.source
        name = "tool_use" if tools is not None and "tool_use" in self.source else "default"
        if name not in self.source:
            raise TemplateError(f"The model has several chat templates and none is the default: {list(self.source)}.")
        return self.source[name]


def _variables(chat: list[dict[str, Any]], tools: list[Any] | None, add_generation_prompt: bool) -> dict[str, Any]:
    return {"messages": chat, "tools": tools, "documents": None, "add_generation_prompt": add_generation_prompt}


def _characters(value: Any) -> int:
    match value:
        case str():
            return len(value)
        case dict():
            return sum(map(_characters, value)) + sum(map(_characters, value.values()))
        case list():
            return sum(map(_characters, value))
    return 8


def _written(compiled: Compiled, characters_left: int, variables: dict[str, Any]) -> str:
    pieces = []
    for piece in compiled.generate(variables):
        characters_left -= len(piece)
        if characters_left < 0:
            raise TemplateError("It writes far more text than the chat has.")
        pieces.append(piece)
    return "".join(pieces)


@lru_cache(maxsize=8)
def _compiled(source: str) -> Compiled:
    return _environment().from_string(source)


def _environment() -> ImmutableSandboxedEnvironment:
    """As transformers.utils.chat_template_utils makes it (5.23), with limits to arithmetic."""
    environment = _Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols])
    environment.filters["tojson"] = _to_json
    environment.globals |= {"raise_exception": _refuse, "strftime_now": _now, "dict": _Dict(), "namespace": _Names}
    return environment


class _Sandbox(ImmutableSandboxedEnvironment):
    """Powers and products are computed here, so that none takes minutes or gigabytes. Others act on what there is."""

    intercepted_binops = frozenset({"**", "*"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" and _is_whole(left, right) and abs(left) > 1 and right * left.bit_length() > MOST_BITS:
            raise TemplateError("It computes a number that is too large.")
        if operator == "*":
            _check_product(left, right)
        return super().call_binop(context, operator, left, right)


def _check_product(left: Any, right: Any) -> None:
    if _is_whole(left, right) and left.bit_length() + right.bit_length() > MOST_BITS:
        raise TemplateError("It computes a number that is too large.")
    for sequence, count in ((left, right), (right, left)):
        if (
            isinstance(sequence, str | list | tuple)
            and isinstance(count, int)
            and len(sequence) * count > MOST_REPEATED
        ):
            raise TemplateError("It repeats a text too often.")


def _is_whole(*values: Any) -> bool:
    return all(isinstance(value, int) for value in values)


class _Generation(Extension):
    """`{% generation %}`, which marks what the assistant says: it changes nothing in the text."""

    tags = {"generation"}  # noqa: RUF012  (jinja2's own way)

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller: Any) -> str:
        return str(caller())


def _to_json(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    """Jinja's own filter escapes HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _refuse(message: str) -> None:
    raise TemplateError(str(message))


def _now(date_format: str) -> str:
    return datetime.now().strftime(date_format)


class _Dict:
    """`dict` in a template: callable, without the type's own attributes."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(*args, **kwargs)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:
        return dict.fromkeys(*args)


class _Names(Namespace):
    """`namespace` without names that begin with an underscore."""

    def __init__(*args: Any, **kwargs: Any) -> None:  # as jinja2's: a template may name an entry `self`
        entries = dict(*args[1:], **kwargs)
        for name in entries:
            _check_name(name)
        Namespace.__init__(args[0], entries)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        super().__setitem__(name, value)


def _check_name(name: Any) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"It keeps a value under the name {name!r:.80}, which begins with an underscore.")


def asked_names(source: Source) -> set[str]:
    """Variables that whoever renders a template may set. Raises jinja2.TemplateError.

    What the template sets itself is none of them, but where it first asks whether it `is defined` (Llama's dates).
    """
    sandbox, names = _environment(), set[str]()
    for text in [source] if isinstance(source, str) else source.values():
        tree = sandbox.parse(text)
        set_by_itself = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
        tests = (test for test in tree.find_all(nodes.Test) if test.name in ("defined", "undefined"))
        asked_first = {test.node.name for test in tests if isinstance(test.node, nodes.Name)}
        names |= meta.find_undeclared_variables(tree) - (set_by_itself - asked_first)
    return names - set(sandbox.globals)
