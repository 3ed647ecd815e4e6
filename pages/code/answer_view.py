"""A model's answer as it wrote it: words as words, blocks of code as code. No Markdown, HTML or link in it counts."""

from markupsafe import Markup

from pages.parts import html, marks

FENCES = ("```", "~~~")


def answer_html(answer: str, open_now: bool = False) -> Markup:
    """The answer in a card that is folded; open where it is what was asked for, as an explanation."""
    if not answer.strip():
        return Markup()
    fold = Markup('<details class="cd-answer"{}><summary>The answer as it was written</summary><div>{}</div></details>')
    return fold.format(Markup(" open") if open_now else "", body_html(answer))


def body_html(answer: str) -> Markup:
    """Words and blocks, in their order."""
    return html.join(_block(text, is_code) for text, is_code in _blocks(answer[: marks.MOST_SHOWN]))


def _block(text: str, is_code: bool) -> Markup:
    if is_code:
        return Markup('<pre class="ts-code" tabindex="0">{}</pre>').format(marks.shown(text))
    return Markup('<p class="cd-words">{}</p>').format(marks.shown(text.strip("\n"))) if text.strip() else Markup()


def _blocks(answer: str) -> list[tuple[str, bool]]:
    """Pieces of the answer and whether each stood between fences; a block that is still being written counts."""
    blocks: list[tuple[str, bool]] = []
    lines: list[str] = []
    fence = ""
    for line in answer.split("\n"):
        mark = next((one for one in FENCES if line.lstrip().startswith(one)), "")
        if (not fence and mark) or (fence and line.strip() == fence):
            blocks.append(("\n".join(lines), bool(fence)))
            lines, fence = [], "" if fence else mark
        else:
            lines.append(line)
    return [*blocks, ("\n".join(lines), bool(fence))]
