"""Encodings: found by the letters, chosen by a person, and no byte of another one let through."""

import codecs
import gzip
from pathlib import Path
from typing import Any

import pytest

from engine.errors import RefusedError
from engine.rows.readers import choose, encodings
from engine.rows.readers.source import Source
from engine.rows.verdict import Rejection
from engine.workers.data import import_encodings
from engine.workers.data.import_detection import File

# Sentences as people write them into a table: a question, an answer, and a little of both.
TEXTS = {
    "Korean": [
        "환불은 어떻게 신청하나요?",
        "주문 내역에서 환불 버튼을 누르면 됩니다.",
        "감사합니다. 좋은 하루 되세요!",
    ],
    "Simplified": [
        "请问怎么修改密码?",
        "您可以在设置页面里点击修改密码。",
        "谢谢,我已经找到了这个按钮。",
    ],
    "Traditional": [
        "請問怎麼修改密碼?",
        "您可以在設定頁面點擊修改密碼。",
        "謝謝,我已經找到了這個按鈕。",
    ],
    "Japanese": [
        "パスワードを変更するにはどうすればいいですか?",
        "設定の画面から変更できます。",
        "ありがとうございます。",
    ],
    "Russian": [
        "Как изменить пароль?",
        "Откройте настройки и нажмите на кнопку.",
        "Спасибо, теперь всё работает.",
    ],
    "Ukrainian": [
        "Як змінити пароль?",
        "Відкрийте налаштування і натисніть кнопку.",
        "Дякую, тепер все працює.",
    ],
    "German": [
        "Wie ändere ich mein Passwort?",
        "Öffnen Sie die Einstellungen und drücken Sie auf Ändern.",
        "Schönen Dank für die Hilfe!",
    ],
    "French": [
        "Où est la clé de la réserve ?",
        "Elle est à côté du café, près de l'entrée.",
        "Très bien, merci à vous, à bientôt.",
    ],
    "Spanish": [
        "¿Cómo cambio mi contraseña?",
        "Abra la configuración y pulse el botón.",
        "Muchas gracias, señor, ahora sí funcionó.",
    ],
    "Polish": [
        "Jak zmienić hasło?",
        "Otwórz ustawienia i naciśnij przycisk.",
        "Dziękuję, teraz już działa.",
    ],
    "Czech": [
        "Jak změním své heslo?",
        "Otevřete nastavení a stiskněte tlačítko.",
        "Děkuji, už to funguje.",
    ],
    "Greek": [
        "Πώς αλλάζω τον κωδικό μου;",
        "Ανοίξτε τις ρυθμίσεις και πατήστε το κουμπί.",
        "Ευχαριστώ πολύ.",
    ],
    "Turkish": [
        "Şifremi nasıl değiştiririm?",
        "Ayarları açın ve düğmeye basın.",
        "Teşekkürler, şimdi çalışıyor.",
    ],
}
WRITTEN_IN = {
    "Korean": ["cp949", "utf-16-le", "utf-16-be"],
    "Simplified": ["gb18030", "gb2312", "gbk"],
    "Traditional": ["big5", "cp950"],
    "Japanese": ["shift_jis", "cp932", "euc_jp", "iso2022_jp"],
    "Russian": ["cp1251", "koi8_r", "cp866", "utf-16"],
    "Ukrainian": ["cp1251", "koi8_u"],
    "German": ["cp1252", "latin-1", "mac_roman"],
    "French": ["cp1252"],
    "Spanish": ["cp1252"],
    "Polish": ["cp1250", "iso8859_2"],
    "Czech": ["cp1250"],
    "Greek": ["cp1253"],
    "Turkish": ["cp1254"],
}
CASES = [(language, encoding) for language, names in WRITTEN_IN.items() for encoding in names]


def table(sentences: list[str]) -> str:
    """A sheet as Excel writes it, in our alphabet but for the sentences."""
    rows = [f'"{sentence}","{sentences[-1]}"' for sentence in sentences]
    return "\r\n".join(["instruction,output", *rows, ""])


def rows_of(path: Path, encoding: str = "") -> list[Any]:
    source = Source(path, encoding)
    try:
        return list(choose.choose(source, path.name).rows(source))
    finally:
        source.close()


def settled(path: Path, chosen: str = "") -> str:
    return import_encodings.settle([File(path, path.name)], chosen)[0].encoding


@pytest.mark.parametrize("length", ["short", "long"])
@pytest.mark.parametrize(("language", "encoding"), CASES)
def test_a_table_is_read_in_the_encoding_it_is_written_in(
    tmp_path: Path, language: str, encoding: str, length: str
) -> None:
    sentences = (
        TEXTS[language][:2] if length == "short" else [f"{text} ({n})" for n in range(200) for text in TEXTS[language]]
    )
    path = tmp_path / "sheet.csv"
    path.write_bytes(table(sentences).encode(encoding))
    found = settled(path)
    assert [row["instruction"] for row in rows_of(path, found)] == sentences
    assert found in encodings.LABELS


def test_the_encoding_is_found_wherever_the_letters_are(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    plain = [f"plain {number} " + "words " * 20 for number in range(8000)]
    path.write_bytes(table([*plain, *TEXTS["Korean"] * 40]).encode("cp949"))
    assert path.stat().st_size > 1 << 20
    assert settled(path) == "cp949"
    (tmp_path / "line.json").write_bytes(
        ('[{"text": "' + "words " * 20_000 + '"}, {"text": "' + TEXTS["Korean"][1] + '"}]').encode("cp949")
    )
    assert rows_of(tmp_path / "line.json", settled(tmp_path / "line.json"))[1] == {"text": TEXTS["Korean"][1]}
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(table(TEXTS["Korean"]).encode("cp949")))
    assert settled(tmp_path / "packed.csv.gz") == "cp949"


def test_english_with_the_quotes_of_word_is_western(tmp_path: Path) -> None:
    path = tmp_path / "word.txt"
    path.write_bytes("The manager said “don’t worry” – the café closes at 8.".encode("cp1252"))
    assert rows_of(path, settled(path)) == [{"text": "The manager said “don’t worry” – the café closes at 8."}]


def test_two_letters_are_not_enough_and_a_person_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    path.write_bytes("prompt,completion\r\nyes,да\r\n".encode("cp1251"))
    with pytest.raises(import_encodings.UnclearEncodingError) as asked:
        settled(path)
    samples = {candidate["encoding"]: candidate["sample"] for candidate in asked.value.candidates}
    assert "да" in samples["cp1251"]
    assert len(samples) == len(set(samples.values())) > 2
    assert settled(path, "cp1251") == "cp1251"
    beside = tmp_path / "long.csv"
    beside.write_bytes(table(TEXTS["Russian"]).encode("cp1251"))
    files = import_encodings.settle([File(path, "short.csv"), File(beside, "long.csv")], "")
    assert [file.encoding for file in files] == ["cp1251", "cp1251"]  # the other file of the import tells


def test_a_byte_that_is_not_in_the_encoding_costs_its_row_and_says_where(tmp_path: Path) -> None:
    lines = table(TEXTS["Korean"] * 2).encode("cp949").split(b"\r\n")
    lines[3] = lines[3][:-1] + b'\xff\x81"'
    path = tmp_path / "broken.csv"
    path.write_bytes(b"\r\n".join(lines))
    source = Source(path, settled(path))
    rows = list(choose.choose(source, path.name).rows(source))
    assert [number for number, row in enumerate(rows) if isinstance(row, Rejection)] == [2]
    assert rows[2].rule == "not_utf8"
    assert "FF" in rows[2].value
    assert source.broken()[1] == 4
    assert not any("\ufffd" in str(row) for row in rows)
    source.close()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", '{"text": "다시"}\n{"text": "하"}\n{"text": "나"}\n'),
        ("a.json", '[{"text": "다시"}, {"text": "하"}, {"text": "나"}]'),
        ("a.txt", "다시\n\n하\n\n나\n"),
        ("a.csv", "text,n\n다시,1\n하,2\n나,3\n"),
    ],
)
@pytest.mark.parametrize("encoding", ["cp949", "utf-8", "utf-16-le"])
def test_nothing_is_replaced_in_any_kind_of_file(tmp_path: Path, name: str, content: str, encoding: str) -> None:
    broken = {"cp949": b"\xff", "utf-8": b"\xff", "utf-16-le": b"\x00\xd8"}[encoding]
    start, letter, end = content.partition("하")
    path = tmp_path / name
    path.write_bytes(start.encode(encoding) + broken + letter.encode(encoding) + end.encode(encoding))
    rows = rows_of(path, encoding)
    assert [row.rule if isinstance(row, Rejection) else row["text"] for row in rows] == ["다시", "not_utf8", "나"]


def test_a_header_in_another_encoding_than_was_chosen_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("질문,답변\n가,나\n".encode("cp949"))
    with pytest.raises(Exception, match="The header has bytes that are not in the encoding"):
        rows_of(path, "utf-8")


def test_a_byte_order_mark_is_believed_before_a_person(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(codecs.BOM_UTF8 + table(TEXTS["Korean"]).encode())
    assert [row["instruction"] for row in rows_of(path, "cp949")] == TEXTS["Korean"]


def test_names_of_encodings_are_known_as_people_write_them() -> None:
    names = {"CP949": "cp949", "euc-kr": "cp949", "Windows-1251": "cp1251", "UTF8": "utf-8", "GBK": "gb18030"}
    names |= {
        "Shift-JIS": "cp932",
        "latin-1": "cp1252",
        "KOI8-R": "koi8_r",
        "utf-16": "utf-16-le",
        "ks_c_5601-1987": "cp949",
    }
    assert {name: encodings.checked(name) for name in names} == names
    assert all(encodings.checked(name) == name for name in encodings.LABELS)
    for wrong in ("rot13", "klingon", "unicode_escape", "", "\0"):
        with pytest.raises(RefusedError, match="is not an encoding"):
            encodings.checked(wrong)
