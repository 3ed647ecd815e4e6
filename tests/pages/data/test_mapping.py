"""The tab Mapping: what was detected, the form, the rows beside it, and applying."""

from pathlib import Path

import pytest

from engine.data import datasets, mappings
from engine.errors import RefusedError
from pages.data import mapping, tabs
from tests.engine.data.test_mappings import CSV, brought_in, settled
from tests.waiting import wait_for


def test_a_file_nobody_knows_opens_on_its_mapping_and_is_imported_by_the_form(tmp_path: Path) -> None:
    unknown = brought_in(tmp_path, CSV)
    assert tabs.open_tab(unknown, "") == "mapping"
    mappings.look(unknown.id)
    html = str(mapping.html_of(unknown, {}))
    assert "This is a guess" in html
    assert '<option value="Antwort_lang" selected>Antwort_lang</option>' in html
    assert "2 of the first 3 rows would be taken." in html
    assert "Rejected: 1 × empty answer." in html
    assert "<p>Das und noch viel mehr.</p>" in html
    assert "Import with this mapping" in html

    other = str(mapping.html_of(unknown, {"part.completion": "Thema", "part.system": "Nr"}))
    assert "3 of the first 3 rows would be taken." in other
    assert '<code class="dt-example">1</code>' in other
    assert "is taken twice" in mapping.html_of(unknown, {"part.completion": "Frage"})
    text = mapping.html_of(unknown, {"kind": "text", "part.text": "Frage"})
    assert 'data-side="other"><b>text</b><p>Wer?</p>' in text
    assert "needs `text`" in mapping.html_of(unknown, {"kind": "text"})

    apply = mapping.ACTS["map"]
    with pytest.raises(RefusedError, match="needs `messages`"):
        apply(unknown.id, {"kind": "chat", "part.prompt": "Frage", "part.completion": "-"}, "default")
    to = apply(unknown.id, {"kind": "chat", "part.prompt": "Frage", "part.completion": "Thema"}, "default")
    assert to == f"/data?dataset={unknown.id}"
    ready = settled(unknown.id)
    assert ready.accepted == 3
    assert "Rows were read by this mapping." in mapping.html_of(ready, {})
    assert "map_as_detected" in mapping.html_of(ready, {})
    assert "Read again as a new version" in mapping.html_of(ready, {"part.completion": "Nr"})
    to = mapping.ACTS["map_as_detected"](ready.id, {}, "default")
    dataset = settled(to.rpartition("=")[2])
    assert (dataset.version, dataset.mapping) == (2, None)


def test_a_guess_that_is_right_is_imported_as_it_stands_in_the_form(tmp_path: Path) -> None:
    unknown = brought_in(tmp_path, CSV)
    guess = mappings.look(unknown.id)["mapping"]["parts"]
    fields = {f"part.{part}": column for part, column in guess.items()}
    mapping.ACTS["map"](unknown.id, {"kind": "chat", "encoding": "", "who": "", "what": "", **fields}, "default")
    assert (settled(unknown.id).status, settled(unknown.id).accepted) == ("ready", 2)


def test_roles_with_other_names_get_their_meaning_in_the_form(tmp_path: Path) -> None:
    row = '{"conversations": [{"from": "human", "value": "Hi"}, {"from": "oracle", "value": "<b>Ho</b>"}]}\n'
    rejected = brought_in(tmp_path, row * 3, "talk.jsonl")
    detection = mappings.look(rejected.id)
    assert detection["roles"] == {"human": 3, "oracle": 3}
    html = str(mapping.html_of(rejected, {}))
    assert "All of the first 3 rows are sharegpt." in html
    assert "Rejected: 3 × unknown role." in html
    assert '<option value="" selected>not known</option>' in html
    html_with_role = str(mapping.html_of(rejected, {"role.oracle": "assistant"}))
    assert "3 of the first 3 rows would be taken." in html_with_role
    assert "&lt;b&gt;Ho" in html_with_role


def test_what_was_made_in_the_studio_has_nothing_to_map(tmp_path: Path) -> None:
    ready = brought_in(tmp_path, '{"text": "a b"}\n', "a.jsonl")
    wait_for(lambda: "The only row is text." in mapping.html_of(ready, {}))
    dataset = datasets.derive("part", "default", {"op": "sample", "rows": 1}, [ready.id])
    assert "is not kept" in mapping.html_of(dataset, {})


def test_an_unclear_encoding_is_chosen_by_its_sample(tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    path.write_bytes("prompt,completion\r\nyes,да\r\n".encode("cp1251"))
    dataset = settled(datasets.import_file(path, "short").id)
    assert tabs.open_tab(dataset, "") == "mapping"
    mappings.look(dataset.id, dataset.encodings[0]["encoding"])
    html = str(mapping.html_of(dataset, {}))
    assert "Which of these reads right?" in html
    assert "encoding=cp1251" in html
    mappings.look(dataset.id, "cp1251")
    chosen = str(mapping.html_of(dataset, {"encoding": "cp1251", "part.prompt": "a column of another encoding"}))
    assert '<option value="cp1251" selected>' in chosen
    assert "<p>да</p>" in chosen
    values = {"kind": "completion", "part.prompt": "prompt", "part.completion": "completion", "encoding": "cp1251"}
    mapping.ACTS["map"](dataset.id, values, "default")
    ready = settled(dataset.id)
    assert (ready.status, ready.encoding, ready.mapping) == ("ready", "cp1251", None)
    mappings.look(ready.id)
    again = str(mapping.html_of(ready, {}))
    assert "Rows were read as detected." in again
    mappings.look(ready.id, "koi8_r")
    assert "Read again as a new version" in str(mapping.html_of(ready, {"encoding": "koi8_r"}))
