"""JSON, JSON Lines and plain text that is broken, odd, enormous, or something else."""

import codecs
import json
import random
from pathlib import Path

from tests.engine.rows.hostile.case import GOOD, PAIR, Case, lines

MB = 1 << 20


def long_line(path: Path) -> None:
    """100 MB in one line, most of them a hole that takes no disk."""
    with path.open("wb") as file:
        file.write(GOOD + b'{"text": "' + b"a" * MB)
        file.seek(100 * MB)
        file.write(b'"}\n' + GOOD)


def long_array(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b'[{"text": "' + b"a" * MB)
        file.seek(100 * MB)
        file.write(b'"}]')


def hole(path: Path) -> None:
    """A good row, then 64 MB that were never written, as a crash leaves them."""
    with path.open("wb") as file:
        file.write(GOOD * 50_000)
        file.truncate(64 * MB)


def many_keys() -> bytes:
    return lines({f"k{number}": number for number in range(100_000)} | {"text": "a"})


def deep_beside(levels: int) -> bytes:
    return b'{"text": "a", "x": ' + b"[" * levels + b"]" * levels + b"}\n"


def text_in(encoding: str, bom: bytes = b"") -> bytes:
    return bom + '{"text": "Grüße an alle"}\n{"text": "second"}\n'.encode(encoding)


CASES = [
    Case("nothing.jsonl", "failed empty", b""),
    Case("one byte.json", "failed", b"{"),
    Case("only blanks.jsonl", "failed no rows", b"\n \n\t\n"),
    Case("only a newline.csv", "failed no rows", b"\n"),
    Case("only a byte order mark.jsonl", "failed no rows", codecs.BOM_UTF8),
    Case("only a UTF-16 mark.csv", "failed no rows", codecs.BOM_UTF16_LE),
    Case("an empty array.json", "failed no rows", b"[]"),
    Case("an empty object.json", "failed no named columns", b"{}"),
    Case("an array of empty objects.json", "failed no named columns", b"[{}, {}]"),
    Case("null.json", "failed", b"null"),
    Case("a number.json", "failed", b"42"),
    Case("a string.json", "failed", b'"hello"'),
    Case("numbers.jsonl", "failed no named columns", b"1\n2\n3\n"),
    Case("arrays of arrays.json", "failed no named columns", b"[[1, 2], [3]]"),
    Case("an array cut off.json", "failed broken after row 1", b'[{"text": "a"}, {"text": "b'),
    Case("an array not closed.json", "failed broken after row 1", b'[{"text": "a"}'),
    Case("something after the array.json", "failed follows", b'[{"text": "a"}] {"text": "b"}'),
    Case("two arrays.json", "failed follows", b'[{"text": "a"}] [{"text": "b"}]'),
    Case("brackets that do not match.json", "failed brackets", b'[{"text": "a"}}]'),
    Case("closing brackets only.json", "failed", b"]]]]}}}}"),
    Case("an object cut off.json", "failed broken", b'{"text": \n "a"'),
    Case("a trailing comma.json", "ready 2", b'[{"text": "a"}, {"text": "b"},]'),
    Case("missing commas.json", "ready 2", b'[{"text": "a"} {"text": "b"}]'),
    Case("an array over many lines.json", "ready 2", b'[\n{\n"text":\n"a"\n}\n,\n{"text": "b"}\n]'),
    Case("an array in one line.jsonl", "ready 2", b'[{"text": "a"}, {"text": "b"}]\n'),
    Case("objects one after the other.json", "ready 2", b'{"text": "a"}{"text": "b"}'),
    Case("single quotes.jsonl", "failed No row can be read", b"{'text': 'a'}\n"),
    Case("comments.jsonl", "ready 1 invalid_json", b"// rows\n" + GOOD),
    Case("a Python literal.jsonl", "failed No row", b'{"text": True}\n{"text": False, }\n'),
    Case("no JSON at all.json", "failed does not hold JSON", b"hello there"),
    Case("lines that are no JSON.jsonl", "failed No row can be read", b"hello\nthere\n"),
    Case("a half written last row.jsonl", "ready 1 invalid_json", GOOD + b'{"text": "go'),
    Case("a broken row in the middle.jsonl", "ready 2 invalid_json", GOOD + b"{broken\n" + GOOD),
    Case("git conflict markers.jsonl", "ready 2 invalid_json",
         GOOD + b"<<<<<<< HEAD\n" + GOOD + b"=======\n>>>>>>> x\n"),
    Case("NaN and Infinity.jsonl", "ready 1 empty_text", GOOD + b'{"text": NaN}\n{"text": -Infinity}\n'),
    Case("a number of 5,000 digits.jsonl", "ready 1 invalid_json", GOOD + b'{"text": ' + b"9" * 5000 + b"}\n"),
    Case("huge exponents.jsonl", "ready", b'{"text": 1e308}\n{"text": 1e309}\n{"text": -1e-400}\n' + GOOD),
    Case("integers beyond 64 bits.jsonl", "ready 4",
         lines(*({"text": one} for one in (2**63, 2**64, -(2**80)))) + GOOD),
    Case("duplicate keys.jsonl", "ready 1", b'{"text": "a", "text": "b"}\n'),
    Case("an empty key.jsonl", "ready 1", b'{"": 1, "text": "a"}\n'),
    Case("keys with NUL and newline.jsonl", "ready 1", b'{"a\\u0000\\n": 1, "text": "a"}\n'),
    Case("100,000 keys.jsonl", "ready 1", many_keys()),
    Case("a key of 1 MB.jsonl", "ready 1", lines({"k" * MB: 1, "text": "a"})),
    Case("mixed types.jsonl", "ready 2",
         lines({"text": "a"}, {"text": 1}, {"text": None}, {"text": []}, {"text": {}})),
    Case("rows of every kind.jsonl", "ready", GOOD * 2 + b'1\nnull\n[]\n"x"\n{"a":1}\n' + PAIR),
    Case("columns that come and go.jsonl", "ready 3",
         lines({"text": "a"}, {"text": "b", "n": 1}, {"n": 2, "text": "c"})),
    Case("2,000 brackets.json", "failed", b"[" * 2000 + b"]" * 2000),
    Case("100,000 open brackets.json", "failed", b"[" * 100_000),
    Case("100,000 open braces.jsonl", "failed", b'{"a":' * 100_000),
    Case("100,000 deep and closed.json", "failed", b"[" * 100_000 + b"]" * 100_000),
    Case("1,000 deep in a row.jsonl", "ready 1 too_deep", GOOD + b'{"text": ' + b"[" * 1000 + b"]" * 1000 + b"}\n"),
    Case("200 deep beside the text.jsonl", "ready 1 too_deep", GOOD + deep_beside(200)),
    Case("90 deep beside the text.jsonl", "ready 2", GOOD + deep_beside(90)),
    Case("1,000 deep beside the text.jsonl", "ready 1 too_deep", GOOD + deep_beside(1000)),
    Case("1,000 deep content.jsonl", "ready 1 too_deep",
         PAIR + b'{"prompt": "a", "completion": ' + b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"}\n"),
    Case("JSON within JSON within JSON.jsonl", "ready",
         lines({"text": json.dumps(json.dumps(json.dumps({"text": "a"})))})),
    Case("a 17 MB row.jsonl", "ready 2 too_long", GOOD + b'{"text": "' + b"a" * (17 * MB) + b'"}\n' + GOOD),
    Case("a 17 MB row.json", "failed longer than 16 MB", b'[{"text": "' + b"a" * (17 * MB) + b'"}]'),
    Case("a 100 MB line.jsonl", "ready 2 too_long", long_line),
    Case("a 100 MB line.json", "failed longer than 16 MB", long_array),
    Case("a hole at the end.jsonl", "ready 50000", hole),
    Case("an open quote to the end.json", "failed", b'[{"text": "' + b"a, " * MB),
    Case("NUL bytes.jsonl", "failed does not hold text", b"\0" * 5000),
    Case("a NUL in the text.jsonl", "ready 1", b'{"text": "a\\u0000b"}\n'),
    Case("a raw NUL in the text.jsonl", "ready 9 invalid_json", GOOD * 9 + b'{"text": "a\0b"}\n'),
    Case("control characters.jsonl", "ready 51 invalid_json",
         GOOD * 50 + b'{"text": "a\x01\x02b"}\n{"text": "\\u0001"}\n'),
    Case("a lone surrogate.jsonl", "ready 1 invalid_json", GOOD + b'{"text": "\\ud800"}\n'),
    Case("a reversed pair of surrogates.jsonl", "ready 1 invalid_json", GOOD + b'{"text": "\\udc00\\ud800"}\n'),
    Case("a surrogate in a key.jsonl", "ready 1 invalid_json", GOOD + b'{"text": "a", "\\ud800": 1}\n'),
    Case("surrogates as UTF-8.jsonl", "ready 50 not_utf8",
         GOOD * 50 + b'{"text": "gr\xc3\xbc\xc3\x9fe und k\xc3\xbc\xc3\x9fe \xed\xa0\x80"}\n'),
    Case("overlong UTF-8.jsonl", "ready 50 not_utf8", GOOD * 50 + b'{"text": "\xc0\xaf gr\xc3\xbc\xc3\x9fe"}\n'),
    Case("random bytes.jsonl", "failed does not hold text", random.Random(1).randbytes(5000)),
    Case("random bytes.txt", "failed does not hold text", random.Random(2).randbytes(5000)),
    Case("UTF-8 with a mark.jsonl", "ready 2", text_in("utf-8", codecs.BOM_UTF8)),
    Case("two marks.jsonl", "ready", text_in("utf-8", codecs.BOM_UTF8 * 2)),
    Case("UTF-16 little with a mark.jsonl", "ready 2", text_in("utf-16-le", codecs.BOM_UTF16_LE)),
    Case("UTF-16 big with a mark.jsonl", "ready 2", text_in("utf-16-be", codecs.BOM_UTF16_BE)),
    Case("UTF-16 little without a mark.jsonl", "ready 2", text_in("utf-16-le")),
    Case("UTF-16 big without a mark.jsonl", "ready 2", text_in("utf-16-be")),
    Case("UTF-16 of odd length.jsonl", "ready", text_in("utf-16-le", codecs.BOM_UTF16_LE) + b"x"),
    Case("UTF-32 little with a mark.jsonl", "ready 2", text_in("utf-32-le", codecs.BOM_UTF32_LE)),
    Case("UTF-32 big with a mark.jsonl", "ready 2", text_in("utf-32-be", codecs.BOM_UTF32_BE)),
    Case("UTF-32 without a mark.jsonl", "failed", text_in("utf-32-le")),
    Case("broken UTF-32.jsonl", "failed", codecs.BOM_UTF32_LE + b"\xff\xff\xff\xff" * 100),
    Case("Latin-1.jsonl", "ready 2", text_in("latin-1")),
    Case("UTF-7.jsonl", "ready", text_in("utf-7")),
    Case("EBCDIC.jsonl", "needs_mapping", text_in("cp500")),
    Case("Shift-JIS.txt", "ready", "日本語のテキスト\n\n二番目\n".encode("shift-jis")),
    Case("CRLF.jsonl", "ready 2", GOOD.replace(b"\n", b"\r\n") * 2),
    Case("CR only.jsonl", "ready", GOOD.replace(b"\n", b"\r") * 2),
    Case("line separators of Unicode.jsonl", "ready 2", '{"text": "a\u2028b\u2029c\u0085d"}\n'.encode() * 2),
    Case("a million empty lines.jsonl", "ready 1", b"\n" * 1_000_000 + GOOD),
    Case("zero width text.jsonl", "ready 2", lines({"text": "\u200b\u200d\ufeff"}, {"text": "a"})),
    Case("combining marks without end.jsonl", "ready 1", lines({"text": "Z" + "\u0300" * 100_000})),
    Case("right to left override.jsonl", "ready 1", lines({"text": "abc\u202egnp.exe\u202c"})),
    Case("terminal escapes.jsonl", "ready 1", lines({"text": "\x1b]8;;http://evil\x07click\x1b]8;;\x07\x1b[2J"})),
    Case("a script in the text.jsonl", "ready 1",
         lines({"text": "<img src=x onerror=alert(1)><script>alert(1)</script>"})),
    Case("a template in the text.jsonl", "ready 1",
         lines({"text": "{{ ''.__class__.__mro__ }} {% for x in y %} ${7*7}"})),
    Case("a command in the text.jsonl", "ready 1", lines({"text": "$(touch /tmp/p) `id` ; rm -rf / | id"})),
    Case("SQL in the text.jsonl", "ready 1", lines({"text": "'; DROP TABLE dataset; --"})),
    Case("special keys.jsonl", "ready 1",
         lines({"__proto__": {"x": 1}, "constructor": 1, "__class__": 2, "text": "a"})),
    Case("text named parquet.parquet", "failed does not hold Parquet", GOOD),
    Case("text named arrow.arrow", "failed does not hold Arrow", GOOD),
    Case("text named gz.jsonl.gz", "ready 1", GOOD),
    Case("JSON named csv.csv", "ready 2", GOOD * 2),
    Case("JSON named txt.txt", "ready 2", GOOD * 2),
    Case("a table named json.json", "failed does not hold JSON", b"prompt,completion\na,b\n"),
    Case("a table named jsonl.jsonl", "failed No row", b"prompt,completion\na,b\n"),
    Case("an unknown ending.docx", "failed ending", b"hello"),
    Case("no ending", "failed ending", b"hello"),
    Case("no ending but JSON", "ready 1", GOOD),
    Case("a paragraph of 17 MB.txt", "ready 2 too_long", b"one\n\n" + b"a" * (17 * MB) + b"\n\ntwo\n"),
    Case("one blank line.txt", "failed no rows", b"\n\n  \n"),
    Case("Markdown with a script.md", "ready 2", b"# Title\n\n<script>alert(1)</script>\n"),
    Case("broken UTF-8 in a paragraph.txt", "ready 1 not_utf8", "Grüße und Küsse, größer\n\n".encode() + b"\xff\xfe\n"),
]  # fmt: skip
