"""Plain text, for continued pre-training: one column of text."""

from engine.rows.kinds import texts
from engine.rows.verdict import Format

COLUMNS = ("text", "content", "document", "body", "raw_content", "텍스트", "본문", "내용")

FORMAT = Format(
    name="text",
    kind="text",
    columns=f"one of {', '.join(f'`{name}`' for name in COLUMNS)}; files of plain text (.txt, .md) are read so",
    example={"text": "Paris is the capital of France."},
    parts={"text": COLUMNS},
    needs=(("text",),),
    read=texts.read_text,
)
