"""The Modelfile that Ollama makes a model from: the file, the chat template in Ollama's language, what ends answers.

Ollama has no Jinja. The parts that the model's template writes around each message are found by messages of marks that
no text has, and the whole is checked: where parts put together say anything else than the template does, none is
written, and that is said.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from engine.workers import limits

USER, SYSTEM, ANSWER = "\U0010fffa", "\U0010fffb", "\U0010fffc"
UNLIKE = "Its chat template has no form in Ollama's language: the Modelfile has none, and Ollama chooses one."
Render = Callable[[Sequence[dict[str, str]], bool], str]
Turns = list[dict[str, str]]


@dataclass(frozen=True)
class Parts:
    """What stands around each message, before the first without a system message, and before an answer."""

    begin: str
    system: tuple[str, str]
    user: tuple[str, str]
    assistant: tuple[str, str]
    answer: str

    def laid_out(self, messages: Sequence[dict[str, str]]) -> str:
        """What Ollama makes of a chat by `template`."""
        begin = "" if any(message["role"] == "system" for message in messages) else self.begin
        around = {"system": self.system, "user": self.user, "assistant": self.assistant}
        turns = (around[message["role"]] for message in messages)
        said = (f"{before}{m['content']}{after}" for (before, after), m in zip(turns, messages, strict=True))
        return f"{begin}{''.join(said)}{self.answer}"

    @property
    def template(self) -> str | None:
        """The same as a template of Go; None where the parts have what that language uses itself."""
        pieces = [self.begin, *self.system, *self.user, *self.assistant, self.answer]
        if any(mark in piece for piece in pieces for mark in ("{{", "}}", '"""')):
            return None
        branches = [
            ("if", "system", self.system),
            ("else if", "user", self.user),
            ("else if", "assistant", self.assistant),
        ]
        turns = "".join(
            f'{{{{ {word} eq .Role "{role}" }}}}{before}{{{{ .Content }}}}{after}'
            for word, role, (before, after) in branches
        )
        begin = f"{{{{ if not .System }}}}{self.begin}{{{{ end }}}}" if self.begin else ""
        return f"{begin}{{{{ range .Messages }}}}{turns}{{{{ end }}}}{{{{ end }}}}{self.answer}"


def text(file: str, parts: Parts | None, ends: Sequence[str], base: str | None = None) -> str:
    """The Modelfile. `base` is the file of the base model where `file` is an adapter for it."""
    lines = [f"FROM ./{base}", f"ADAPTER ./{file}"] if base else [f"FROM ./{file}"]
    template = parts.template if parts else None
    if template:
        lines.append(f'TEMPLATE """{template}"""')
    lines += [f'PARAMETER stop "{end}"' for end in ends if '"' not in end and end.strip()]
    return "\n".join(lines) + "\n"


def parts_of(tokenizer: Any, without_bos: bool) -> Parts | None:
    """The parts of a tokenizer's chat template; None where it has none, or one that is more than parts.

    `without_bos`: the first token is added by the program that reads the file, so the template must not write it.
    """
    if tokenizer.chat_template is None:
        return None
    bos = str(tokenizer.bos_token or "") if without_bos else ""

    def render(messages: Sequence[dict[str, str]], generates: bool) -> str:
        with limits.cpu_time(*limits.of_row(len(messages))):
            laid_out: str = tokenizer.apply_chat_template(
                list(messages), add_generation_prompt=generates, tokenize=False
            )
        return laid_out.removeprefix(bos)

    try:
        parts = _parts(render)
        return parts if all(parts.laid_out(chat) == render(chat, True) for chat in CHATS) else None
    except (TemplateError, ValueError, limits.TemplateOverrunError):
        return None


def _parts(render: Render) -> Parts:
    """Raises ValueError where a piece is not where it should be."""
    user, system, answer = (
        {"role": role, "content": mark} for role, mark in (("user", USER), ("system", SYSTEM), ("assistant", ANSWER))
    )
    head, after_user = _split(render([user], False), USER)
    _, until_answer = _split(render([user], True), USER)
    _, after_answer = _split(render([user, answer], False), ANSWER)
    chat = render([user, answer, user], True)
    between, again = _split(chat.split(USER, 1)[1], ANSWER)
    before_user = _less(again.split(USER, 1)[0], after_answer, at_end=False)
    before_system, rest = _split(render([system, user], True), SYSTEM)
    return Parts(
        begin=_less(head, before_user),
        system=(before_system, _less(rest.split(USER, 1)[0], before_user)),
        user=(before_user, after_user),
        assistant=(_less(between, after_user, at_end=False), after_answer),
        answer=_less(until_answer, after_user, at_end=False),
    )


def _split(text: str, mark: str) -> tuple[str, str]:
    before, mark_there, after = text.partition(mark)
    if not mark_there:
        raise ValueError("the template leaves a message out")
    return before, after


def _less(text: str, part: str, at_end: bool = True) -> str:
    if not (text.endswith(part) if at_end else text.startswith(part)):
        raise ValueError("the template is more than parts around messages")
    return text.removesuffix(part) if at_end else text.removeprefix(part)


def _chat(*turns: str) -> Turns:
    roles = ("user", "assistant") * len(turns)
    return [{"role": role, "content": turn} for role, turn in zip(roles, turns, strict=False)]


CHATS: tuple[Turns, ...] = (
    _chat("Hello."),
    _chat("Hello.", "Hello, what is it?", "What is 17 plus 6?"),
    [{"role": "system", "content": "Be brief."}, *_chat("Hello.", "Yes.", "And?", "No.", "Why?")],
)
