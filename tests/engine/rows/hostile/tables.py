"""CSV and TSV: quotes, columns, cells and formulas gone wrong."""

import codecs
from pathlib import Path

from tests.engine.rows.hostile.case import Case

HEAD = b"prompt,completion\n"


def million_columns(path: Path) -> None:
    path.write_bytes(b",".join(b"c%d" % number for number in range(1_000_000)) + b"\n1,2\n")


CASES = [
    Case("only a header.csv", "failed no rows", HEAD),
    Case("a header without a line break.csv", "failed no rows", HEAD.strip()),
    Case("a column twice.csv", "ready 1", b"text,text\na,b\n"),
    Case("columns without a name.csv", "ready 1", b"text,,\na,b,c\n"),
    Case("20,000 columns.csv", "failed columns", b",".join(b"c%d" % number for number in range(20_000)) + b"\n"),
    Case("a million columns.csv", "failed columns", million_columns),
    Case("a million cells.csv", "ready 1 cells", HEAD + b"a,b\n" + b"x," * 1_000_000 + b"\n"),
    Case("ragged rows.csv", "ready 1 cells", HEAD + b"a\na,b,c\na,b\n"),
    Case("a quote never closed.csv", "failed cannot be read", b'text\n"' + (b"a" * 4095 + b"\n") * 4097),
    Case("a quote in the middle.csv", "ready 2", HEAD + b'a"b,c\n"x""y",z\n'),
    Case("text after a quote.csv", "ready 1", HEAD + b'"a"b,c\n'),
    Case("line breaks in quotes.csv", "ready 1", HEAD + b'"a\nb\r\nc","d"\n'),
    Case("a 17 MB cell.csv", "failed longer than 16 MB", b"text\n" + b"a" * (17 << 20)),
    Case("commas in unquoted text.csv", "ready 1 cells", HEAD + b"a,b\nHello, you, there,yes\n"),
    Case("semicolons.csv", "ready 1", b"prompt;completion\na;b\n"),
    Case("bars.csv", "ready 1", b"prompt|completion\na|b\n"),
    Case("spaces between columns.csv", "needs_mapping", b"prompt completion\na b\n"),
    Case("tabs named csv.csv", "ready 1", b"prompt\tcompletion\na\tb\n"),
    Case("a formula.csv", "ready 2",
         HEAD + b'"=HYPERLINK(""http://x"",""y"")",b\n@SUM(1+1)*cmd|\' /C calc\'!A0,-2+3\n'),
    Case("a formula in the header.csv", "needs_mapping", b"=1+1,@x\na,b\n"),
    Case("a script in the header.csv", "needs_mapping",
         b"<script>alert(1)</script>,<img src=x onerror=alert(1)>\na,b\n"),
    Case("a script in a cell.csv", "ready 1", HEAD + b"<svg onload=alert(1)>,javascript:alert(1)\n"),
    Case("NUL bytes in a cell.csv", "ready", HEAD + b"a\0b,c\n" + b"d,e\n" * 100),
    Case("only NUL bytes.csv", "failed does not hold text", b"\0" * 5000),
    Case("a lone surrogate.csv", "ready 1", "prompt,completion\nGröße,Übermaß\n".encode() + b"a,\xed\xa0\x80\n"),
    Case("Latin-1.csv", "ready 1", "prompt,completion\nGröße,süß\n".encode("latin-1")),
    Case("Windows quotes.csv", "ready 1", b"prompt,completion\n\x93a\x94,b\x85\n"),
    Case("UTF-16 as Excel writes it.csv", "ready 1",
         codecs.BOM_UTF16_LE + "prompt\tcompletion\na\tb\n".encode("utf-16-le")),
    Case("a mark before the header.csv", "ready 1", codecs.BOM_UTF8 + HEAD + b"a,b\n"),
    Case("sep= in the first line.csv", "ready 1", b"sep=,\n" + HEAD + b"a,b\n"),
    Case("sep= and bars.csv", "ready 1", b"sep=|\r\nprompt|completion\r\na|b, c\r\n"),
    Case("deep JSON in a cell.csv", "ready 1", b"messages,x\n" + b'"' + b"[" * 900 + b"]" * 900 + b'",1\n'
         + b'"[{""role"": ""user"", ""content"": ""a""}, {""role"": ""assistant"", ""content"": ""b""}]",2\n'),
    Case("CR line breaks.csv", "ready 1", HEAD.replace(b"\n", b"\r") + b"a,b\r"),
    Case("empty cells.csv", "failed Every row", HEAD + b",\n,\n"),
    Case("blank lines between.csv", "ready 2", HEAD + b"\na,b\n\n\nc,d\n"),
    Case("a header of 1 MB.csv", "needs_mapping", b"x" * (1 << 20) + b",b\n1,2\n"),
    Case("only delimiters.csv", "failed", b",,,,\n,,,,\n"),
    Case("only quotes.csv", "failed", b'""""""""\n'),
    Case("a table in Markdown.md", "ready", b"| a | b |\n|---|---|\n| 1 | 2 |\n"),
    Case("numbers only.csv", "needs_mapping", b"1,2,3\n4,5,6\n"),
    Case("JSON in a cell.csv", "ready 1",
         b'messages\n"[{""role"": ""user"", ""content"": ""a""}, {""role"": ""assistant"", ""content"": ""b""}]"\n'),
    Case("broken JSON in a cell.csv", "needs_mapping", b'messages\n"[{""role"": ""user"", ""content"": "\n'),
]  # fmt: skip
