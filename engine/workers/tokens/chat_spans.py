"""Where the assistant speaks in a rendered chat, whatever the model's chat template.

TRL needs `{% generation %}` markers in the template for this; most templates have none. Here structure says it, never a
search for words: an answer begins where the prompt for it ends, its words are rendered with marks around them
(`content_marks`), and it ends where the chat rendered up to it ends. Where a template rewrites what was said before, a
turn is exchanged for another one, and what changes in the text is the turn. Where none of this is certain the row is
refused: better one row less than the wrong words learnt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jinja2 import TemplateError

from engine.workers.tokens import content_marks
from engine.workers.tokens.content_marks import Message, Place, Render

Span = tuple[int, int]  # (start, end) in characters

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
    parts: list[Span]


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

        Turns with `train` false are context. Raises jinja2.TemplateError when the template refuses the chat, or when
        it cannot be told for certain where an answer stands.
        """
        chat = self._rendered(messages)
        parts: list[Span] = []
        cursor, last_learnt = 0, -1
        for index, message in enumerate(chat.messages):
            if cursor > max_characters:
                break
            if message["role"] == "assistant":
                spans = [span for span in self._turn_spans(chat, index, cursor) if span[0] < span[1]]
                cursor = max([cursor, *(end for _, end in spans)])
                if spans and message.get("train", True):
                    parts += spans
                    last_learnt = index
        ends_with_answer = parts and last_learnt == len(chat.messages) - 1
        return self._closed(chat.text, parts) if ends_with_answer else Spans(chat.text, parts)

    def _rendered(self, messages: Sequence[Message]) -> "_Chat":
        """The chat with the places of its turns, and without words before a call that its text leaves out.

        gpt-oss leaves them out once the answer is there. While the answer is not there yet they are in the text, so it
        would not begin as it goes on.
        """
        text = self.render(messages, False)
        places = content_marks.places(self.render, messages, text)
        kept = list(messages)
        for index, message in enumerate(messages):
            if message.get("tool_calls") and message.get("content") and index not in places:
                wordless = [*kept[:index], {**message, "content": ""}, *kept[index + 1 :]]
                kept = wordless if self.render(wordless, False) == text else kept
        return _Chat(text, kept, places)

    def _turn_spans(self, chat: "_Chat", index: int, cursor: int) -> list[Span]:
        """From where the prompt for this answer ends to the end of the turn. Raises UnknownAnswerError."""
        lowest = max([cursor, *(place.end for turn, place in chat.places.items() if turn < index)])
        highest = min([len(chat.text), *(place.start for turn, place in chat.places.items() if turn > index)])
        place, start = chat.places.get(index), self._start(chat, index, lowest)
        if place and place.start > highest and start is not None:
            return self._around_a_result(chat, index, start, place)
        end = self._end(chat, index, highest)
        if start is None or end is None:
            exchanged = self._by_exchange(chat, index)
            start = exchanged[0] if start is None and exchanged else start
            end = exchanged[1] if end is None and exchanged else end
        if start is not None and end is not None and lowest <= start <= end <= highest:
            return [self._with_its_end(chat.text, *self._without_trailing_space(chat.text, start, end))]
        if chat.messages[index].get("train", True):
            raise UnknownAnswerError(index)
        return []

    def _around_a_result(self, chat: "_Chat", index: int, start: int, place: Place) -> list[Span]:
        """A call and, behind what the tool said, the words that came with it, as Gemma 4 writes them."""
        until = self.render(chat.messages[: index + 1], False)
        return [(start, self._common_length(until, chat.text)), (place.start, place.end)]

    def _start(self, chat: "_Chat", index: int, lowest: int) -> int | None:
        """The end of the prompt for this answer, as far as the text agrees with it, and never behind its words.

        A prompt may open more than the turn shows (`<think>`).
        """
        if not index:
            return None  # there is nothing to render a prompt of
        try:
            prompt = self.render(chat.messages[:index], True)
        except (TemplateError, LookupError):
            return None  # a template may demand a user's turn
        start = self._common_length(prompt, chat.text)
        if start < len(prompt) and not self._parts_in_the_header(chat, index, start):
            return None
        if place := chat.places.get(index):
            start = min(start, place.start)
        return start if start >= lowest else None

    def _parts_in_the_header(self, chat: "_Chat", index: int, start: int) -> bool:
        """Whether text and prompt agree on all that was said before, so that they part in what opens the answer."""
        content = chat.messages[index].get("content") or ""
        try:
            before = self.render(chat.messages[:index], False)
        except (TemplateError, LookupError):
            return False
        is_marked = index in chat.places or not content.strip()
        return is_marked and chat.text.startswith(before) and start >= len(before)

    def _end(self, chat: "_Chat", index: int, highest: int) -> int | None:
        """Where the chat up to this turn ends, if the whole chat begins with it; else behind the turn's own words."""
        if index == len(chat.messages) - 1:
            return len(chat.text)
        place = chat.places.get(index)
        try:
            until = self.render(chat.messages[: index + 1], False)
        except (TemplateError, LookupError):
            until = ""
        end = self._common_length(until, chat.text)
        if until and not until[end:].strip() and end <= highest and (place is None or end >= place.end):
            return end
        is_words_alone = place is not None and not chat.messages[index].get("tool_calls")
        return self._closed_at(chat.text, place.end, place.start) if place and is_words_alone else None

    def _by_exchange(self, chat: "_Chat", index: int) -> Span | None:
        """What becomes different in the text when the turn says something else, and nothing but that."""
        unusual: Message = {"role": "assistant", "content": UNUSUAL}
        try:
            changed = self.render([*chat.messages[:index], unusual, *chat.messages[index + 1 :]], False)
        except (TemplateError, LookupError):
            return None
        start = _common_length(changed, chat.text)
        tail = _common_length(changed[::-1], chat.text[::-1])
        end, changed_end = len(chat.text) - tail, len(changed) - tail
        is_the_turn = changed.count(UNUSUAL) == 1 and UNUSUAL in changed[start:changed_end]
        return (start, self._closed_at(chat.text, end, start)) if is_the_turn and start <= end else None

    def _common_length(self, shorter: str, text: str) -> int:
        """How far both agree, without a part of a special token in which they part."""
        common = _common_length(shorter, text)
        if common == len(shorter):
            return common
        return min(self._token_start(shorter, common), self._token_start(text, common))

    def _token_start(self, text: str, position: int) -> int:
        """The beginning of the special token that goes across `position`, if one does."""
        for special in self.specials:
            for start in range(max(0, position - len(special) + 1), position):
                if text.startswith(special, start):
                    return start
        return position

    def _closed_at(self, text: str, end: int, start: int) -> int:
        """Behind the special token that ends a turn whose words end at `end`, unless they end in one themselves."""
        if start < end and text[:end].endswith(self.specials):
            return end
        space = len(text) - end - len(text[end:].lstrip())
        token = self._special_at(text, end + space)
        return end + space + len(token) if token else end

    def _special_at(self, text: str, position: int) -> str:
        return next((special for special in self.specials if text.startswith(special, position)), "")

    def _without_trailing_space(self, text: str, start: int, end: int) -> Span:
        """Leaves out the newline many templates put behind the end-of-turn token: nobody generates that far."""
        stripped = text[start:end].rstrip()
        return (start, start + len(stripped)) if stripped.endswith(self.specials) else (start, end)

    def _with_its_end(self, text: str, start: int, end: int) -> Span:
        """Adds the token of the next turn where that is what ends an answer (GLM's `<|user|>`)."""
        if text[start:end].endswith(self.specials):
            return start, end
        return start, end + len(self._special_at(text, end))

    def _closed(self, text: str, parts: list[Span]) -> Spans:
        """Makes sure that the last answer ends in a special token, so that the model learns to stop."""
        start, end = parts[-1]
        if not self.eos or text[start:end].endswith(self.specials):
            return Spans(text, parts)
        return Spans(text[:end] + self.eos, [*parts[:-1], (start, end + len(self.eos))])


@dataclass(frozen=True)
class _Chat:
    """A chat as it was rendered. `places` are those of turns whose words were found by marks."""

    text: str
    messages: list[Message]
    places: Mapping[int, Place]


class UnknownAnswerError(TemplateError):
    """An answer is somewhere in the chat, and it cannot be told for certain where."""

    def __init__(self, index: int) -> None:
        super().__init__(f"It cannot be told for certain where the rendered chat has the answer in turn {index + 1}.")


def _common_length(first: str, second: str) -> int:
    if second.startswith(first):
        return len(first)
    pairs = enumerate(zip(first, second, strict=False))
    return next((index for index, (left, right) in pairs if left != right), min(len(first), len(second)))
