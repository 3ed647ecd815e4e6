"""Fill-in-the-middle: how models of each family are shown what is before and behind a gap, by tokens of their own.

The formats are those of the models' cards: Qwen2.5-Coder, CodeGemma and Granite; StarCoder, StarCoder2, Stable Code and
Granite's code models; SantaCoder; DeepSeek-Coder; CodeLlama; and two that are shown what is behind the gap first:
Codestral, and Seed-Coder (its paper, section 3). (SmolLM's tokenizer has no such tokens.)
"""

from collections.abc import Mapping
from dataclasses import dataclass

MOST_BEFORE, MOST_AFTER = 12_000, 4_000  # characters around the gap that a model is shown: 4,000 tokens or so


@dataclass(frozen=True)
class Format:
    """`parts` are tokens, and the words `before` and `behind` in their places."""

    family: str
    parts: tuple[str, ...]

    @property
    def tokens(self) -> tuple[str, ...]:
        return tuple(part for part in self.parts if part.strip() and part not in _PLACES)

    def prompt(self, before: str, behind: str) -> str:
        places = {"before": before, "behind": behind}
        return "".join(places.get(part, part) for part in self.parts)


_PLACES = ("before", "behind")
FORMATS = (
    Format("Qwen2.5-Coder", ("<|fim_prefix|>", "before", "<|fim_suffix|>", "behind", "<|fim_middle|>")),
    Format("StarCoder", ("<fim_prefix>", "before", "<fim_suffix>", "behind", "<fim_middle>")),
    Format("SantaCoder", ("<fim-prefix>", "before", "<fim-suffix>", "behind", "<fim-middle>")),
    Format("DeepSeek-Coder", ("<｜fim▁begin｜>", "before", "<｜fim▁hole｜>", "behind", "<｜fim▁end｜>")),
    Format("CodeLlama", ("▁<PRE>", " ", "before", "▁<SUF>", "behind", "▁<MID>")),
    Format("Codestral", ("[SUFFIX]", "behind", "[PREFIX]", "before")),
    Format("Seed-Coder", ("<[fim-suffix]>", "behind", "<[fim-prefix]>", "before", "<[fim-middle]>")),
)
# What such a model writes behind what it filled in, beside the end of a sequence that its server knows.
_ENDS = (
    *("<|endoftext|>", "<|end_of_text|>", "<|EOT|>", "<｜end▁of▁sentence｜>", "▁<EOT>", "<[end▁of▁sentence]>"),
    *("<|im_end|>", "<|im_start|>", "<end_of_turn>"),
    *("<|fim_pad|>", "<fim_pad>", "<fim-pad>", "<|cursor|>"),
    *("<|file_sep|>", "<|repo_name|>", "<|file_separator|>", "<file_sep>", "<repo_name>", "<reponame>", "<filename>"),
)


def format_of(tokens: Mapping[str, int]) -> Format | None:
    """The format whose tokens a tokenizer has. `tokens`: the tokens that were added to it, with their numbers."""
    return next((known for known in FORMATS if all(token in tokens for token in known.tokens)), None)


def stops(known: Format, tokens: Mapping[str, int]) -> list[int]:
    """Numbers of the tokens that end what is filled in."""
    return sorted({tokens[token] for token in (*known.tokens, *_ENDS) if token in tokens})


def token_in(text: str, known: Format, tokens: Mapping[str, int]) -> str:
    """A token of the prompt's structure that is written in a text, which would end or turn it; mostly none."""
    return next((token for token in (*known.tokens, *_ENDS) if token in tokens and token in text), "")


def nearest(before: str, behind: str) -> tuple[str, str]:
    """What a model is shown of a long file: whole lines around the gap."""
    if len(before) > MOST_BEFORE:
        before = before[-MOST_BEFORE:]
        before = before[before.find("\n") + 1 :]
    if len(behind) > MOST_AFTER:
        behind = behind[:MOST_AFTER]
        behind = behind[: behind.rfind("\n") + 1] or behind
    return before, behind
