"""Where the assistant speaks in a rendered chat, whatever the model's chat template.

TRL needs `{% generation %}` markers in the template for this; most templates have none. Here every assistant turn is
found by rendering the chat up to it, with the prompt for an answer, and up to its end: what was added between the two
is what the model has to say itself, the end-of-turn token included.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

Message = dict[str, Any]  # role and content; tool_calls; train: false for an answer that is context only
Render = Callable[[Sequence[Message], bool], str]  # (messages, with the prompt for an answer) -> text

UNUSUAL = "\u2603\u2603"  # what no answer begins or ends with

# For a base model that came without a template. The tokenizer saved with the result carries it, so serving agrees.
PLAIN_TEMPLATE = (
    "{% for message in messages %}{{ '### ' + message['role'] + ':\n' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### assistant:\n' }}{% endif %}"
)


@dataclass(frozen=True)
class Spans:
    """A text, and the parts of it to learn from as (start, end) in characters, in order."""

    text: str
    parts: list[tuple[int, int]]


@dataclass(frozen=True)
class ChatText:
    """Renders chats with one template. `specials` are the texts of special tokens, `eos` the end of a sequence."""

    render: Render
    specials: tuple[str, ...]
    eos: str

    def whole(self, messages: Sequence[Message]) -> Spans:
        """The chat with every character to be learnt, and an end where the template puts none behind an answer."""
        text = self.render(messages, False)
        if messages[-1]["role"] == "assistant" and not text.rstrip().endswith(self.specials):
            text += self.eos
        return Spans(text, [(0, len(text))])

    def answers(self, messages: Sequence[Message], max_characters: int = 1 << 40) -> Spans:
        """The chat with the assistant's turns to be learnt, as far as they begin before `max_characters`.

        Turns with `train` false are context. Raises jinja2.TemplateError when the template refuses the chat.
        """
        text = self.render(messages, False)
        messages = self._without_unwritten_words(text, messages)
        parts: list[tuple[int, int]] = []
        cursor, ends_in = 0, -1
        for index, message in enumerate(messages):
            if cursor > max_characters:
                break
            if message["role"] == "assistant" and (part := self._turn_span(text, messages, index, cursor)):
                cursor = part[1]
                if message.get("train", True):
                    parts.append(part)
                    ends_in = index
        return self._closed(text, parts) if parts and ends_in == len(messages) - 1 else Spans(text, parts)

    def _without_unwritten_words(self, text: str, messages: Sequence[Message]) -> list[Message]:
        """The chat without words before a call that its text leaves out, such as gpt-oss's once the answer is there.

        While the answer is not there yet they are in the text, so it would not begin as it goes on.
        """
        kept = list(messages)
        for index, message in enumerate(messages):
            if message.get("tool_calls") and (message.get("content") or "").strip() not in text:
                wordless = [*kept[:index], {**message, "content": ""}, *kept[index + 1 :]]
                kept = wordless if self.render(wordless, False) == text else kept
        return kept

    def _turn_span(self, text: str, messages: Sequence[Message], index: int, cursor: int) -> tuple[int, int] | None:
        part = self._by_prefix(text, messages, index)
        if part is None or part[0] < cursor:
            part = self._rewritten(text, messages, index, cursor)
        return self._with_its_end(text, *self._without_trailing_space(text, *part)) if part else None

    def _by_prefix(self, text: str, messages: Sequence[Message], index: int) -> tuple[int, int] | None:
        """From the end of the prompt for this answer to the end of the turn; None if the template rewrites history."""
        try:
            before = self.render(messages[:index], False)
            prompt = self.render(messages[:index], True)
            after = text if index == len(messages) - 1 else self.render(messages[: index + 1], False)
        except (TemplateError, LookupError):
            return None  # a template may demand a first message, or a user's
        after = self._ended_as_in(text, after)
        if not after or not text.startswith(before):
            return None
        # A prompt may open more than the turn does (`<think>`), so it counts only as far as both agree.
        start = _common_length(prompt, text)
        answers_here = start == len(prompt) or text.startswith((messages[index].get("content") or "").strip(), start)
        return (start, min(len(after), len(text))) if answers_here and start >= len(before) else None

    def _ended_as_in(self, text: str, after: str) -> str:
        """The chat up to a turn as `text` has it; a turn in the middle may end in another token than the last one."""
        if text.startswith(after.rstrip()):
            return after
        turn_text = after.rstrip()
        end_token = next((special for special in self.specials if turn_text.endswith(special)), "")
        turn_text = turn_text.removesuffix(end_token)
        other_token = self._special_at(text, len(turn_text))
        return turn_text + other_token if end_token and other_token and text.startswith(turn_text) else ""

    def _rewritten(self, text: str, messages: Sequence[Message], index: int, cursor: int) -> tuple[int, int] | None:
        """The turn in a chat whose template writes earlier turns anew, such as Qwen3's."""
        searches = [
            lambda: self._by_content(text, messages[index].get("content") or "", cursor),
            lambda: self._by_exchange(text, messages, index, cursor),
        ]
        if messages[index].get("tool_calls"):
            searches.reverse()  # calls have no words to look for
        return searches[0]() or searches[1]()

    def _by_exchange(self, text: str, messages: Sequence[Message], index: int, cursor: int) -> tuple[int, int] | None:
        """What becomes different in the text when the turn says something else."""
        exchanged = [*messages[:index], {"role": "assistant", "content": UNUSUAL}, *messages[index + 1 :]]
        try:
            changed = self.render(exchanged, False)
        except (TemplateError, LookupError):
            return None
        start = _common_length(changed, text)
        end = len(text) - _common_length(changed[::-1], text[::-1])
        later = [message["content"] for message in messages[index + 1 :] if message.get("content")]
        if (
            UNUSUAL not in changed
            or not cursor <= start < end
            or any(content in text[start:end] for content in later[:1])
        ):
            return None  # some templates write what a tool said into the turn that called it
        return start, end + len(self._special_at(text, end))

    def _by_content(self, text: str, content: str, cursor: int) -> tuple[int, int] | None:
        """The answer's own words, for templates that rewrite earlier turns (Qwen3 takes old thoughts out)."""
        for words in (content.strip(), content.rpartition("</think>")[2].strip()):
            start = text.find(words, cursor) if words else -1
            if start >= 0:
                return start, start + len(words) + len(self._special_at(text, start + len(words)))
        return None

    def _special_at(self, text: str, position: int) -> str:
        return next((special for special in self.specials if text.startswith(special, position)), "")

    def _without_trailing_space(self, text: str, start: int, end: int) -> tuple[int, int]:
        """Leaves out the newline many templates put behind the end-of-turn token: nobody generates that far."""
        stripped = text[start:end].rstrip()
        return (start, start + len(stripped)) if stripped.endswith(self.specials) else (start, end)

    def _with_its_end(self, text: str, start: int, end: int) -> tuple[int, int]:
        """Adds the token of the next turn where that is what ends an answer (GLM's `<|user|>`)."""
        if text[start:end].endswith(self.specials):
            return start, end
        return start, end + len(self._special_at(text, end))

    def _closed(self, text: str, parts: list[tuple[int, int]]) -> Spans:
        """Makes sure that the last answer ends in a special token, so that the model learns to stop."""
        start, end = parts[-1]
        if not self.eos or text[start:end].endswith(self.specials):
            return Spans(text, parts)
        return Spans(text[:end] + self.eos, [*parts[:-1], (start, end + len(self.eos))])


def _common_length(first: str, second: str) -> int:
    if second.startswith(first):
        return len(first)
    pairs = enumerate(zip(first, second, strict=False))
    return next((index for index, (left, right) in pairs if left != right), min(len(first), len(second)))
