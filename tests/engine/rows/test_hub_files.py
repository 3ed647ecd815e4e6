"""Which files of a repository are which configuration and split, by the rules people know from `datasets`."""

from typing import Any

import pytest

from engine.rows.readers import choose, hub_files

NAMED: list[tuple[str, list[str], dict[str, list[str]]]] = [
    ("one file", ["data.jsonl", "README.md"], {"train": ["data.jsonl"]}),
    (
        "shards",
        [
            "data/train-00000-of-00002-abc.parquet",
            "data/train-00001-of-00002.parquet",
            "data/odd-00000-of-00001.parquet",
        ],
        {
            "train": ["data/train-00000-of-00002-abc.parquet", "data/train-00001-of-00002.parquet"],
            "odd": ["data/odd-00000-of-00001.parquet"],
        },
    ),
    ("folders", ["train/a.csv", "dev/b.csv"], {"train": ["train/a.csv"], "validation": ["dev/b.csv"]}),
    ("file names", ["my_train.json", "my-val.json", "eval.json"],
     {"train": ["my_train.json"], "validation": ["my-val.json"], "test": ["eval.json"]}),
    ("a word inside a word", ["restraining.jsonl", "contest.jsonl"], {"train": ["contest.jsonl", "restraining.jsonl"]}),
    ("the commonest type", ["a.csv", "b.csv", "c.parquet", "notes.txt", "x.bin"], {"train": ["a.csv", "b.csv"]}),
    ("text when there is nothing else", ["LICENSE.txt", "book.txt"], {"train": ["book.txt"]}),
    *(
        (f"packed as {ending}", [f"rows.jsonl{ending}"], {"train": [f"rows.jsonl{ending}"]})
        for ending in choose.PACKED
    ),
    ("hidden", [".cache/x.jsonl", "__y/z.jsonl", "ok.jsonl"], {"train": ["ok.jsonl"]}),
]  # fmt: skip


@pytest.mark.parametrize(("_what", "files", "splits"), NAMED, ids=[row[0] for row in NAMED])
def test_splits_are_found_by_the_names_of_files(_what: str, files: list[str], splits: dict[str, list[str]]) -> None:
    assert hub_files.configs({}, files) == {"default": splits}


def test_a_repository_without_rows_has_no_configuration() -> None:
    assert hub_files.configs({}, ["squad.py", "README.md", "image.png", "dataset_infos.json"]) == {}
    assert hub_files.has_script(["squad.py", "README.md"])


FILES = ["en/train.csv", "en/test.csv", "fr/train.csv", "all/part-1.csv", "all/deep/part-2.csv"]
CARDS: list[tuple[str, Any, dict[str, dict[str, list[str]]]]] = [
    ("text", "en/train.csv", {"c": {"train": ["en/train.csv"]}}),
    ("texts", ["en/train.csv", "fr/*.csv"], {"c": {"train": ["en/train.csv", "fr/train.csv"]}}),
    ("by split", {"train": "en/train.csv", "test": ["en/test.csv"]},
     {"c": {"train": ["en/train.csv"], "test": ["en/test.csv"]}}),
    ("listed", [{"split": "train", "path": "*/train.csv"}, {"split": "x", "path": ["en/te[a-z]t.csv"]}],
     {"c": {"train": ["en/train.csv", "fr/train.csv"], "x": ["en/test.csv"]}}),
    ("one star stays in its folder", "all/*.csv", {"c": {"train": ["all/part-1.csv"]}}),
    ("two stars do not", "all/**", {"c": {"train": ["all/deep/part-2.csv", "all/part-1.csv"]}}),
    ("two stars may be nothing", "all/**/part-?.csv", {"c": {"train": ["all/deep/part-2.csv", "all/part-1.csv"]}}),
    ("nothing there", "no/such.csv", {}),
    ("nonsense", [{"split": "train", "path": 7}], {}),
]  # fmt: skip


@pytest.mark.parametrize(("_what", "written", "found"), CARDS, ids=[row[0] for row in CARDS])
def test_the_card_says_which_files(_what: str, written: Any, found: dict[str, dict[str, list[str]]]) -> None:
    card = {"configs": [{"config_name": "c", "data_files": written}, "no entry", {"config_name": 7}]}
    assert hub_files.configs(card, FILES) == found


def test_a_folder_of_the_card_is_looked_through_by_names() -> None:
    card = {"configs": [{"config_name": "en", "data_dir": "en"}, {"config_name": "fr", "data_dir": "./fr/",
                                                                  "data_files": "train.csv"}]}  # fmt: skip
    assert hub_files.configs(card, FILES) == {
        "en": {"train": ["en/train.csv"], "test": ["en/test.csv"]},
        "fr": {"train": ["fr/train.csv"]},
    }


def test_the_default_configuration_is_the_flagged_the_named_or_the_only_one() -> None:
    several = {"a": {"train": ["x"]}, "b": {"train": ["y"]}}
    assert hub_files.default_of({}, several) is None
    assert hub_files.default_of({"configs": [{"config_name": "b", "default": True}]}, several) == "b"
    assert hub_files.default_of({}, several | {"default": {}}) == "default"
    assert hub_files.default_of({}, {"a": {}}) == "a"


def test_the_hubs_own_parquet_branch_is_understood() -> None:
    files = ["plain/train/0000.parquet", "plain/partial-test/0000.parquet", "other/train/0000.parquet"]
    assert hub_files.configs({}, files, hub_files.PARQUET_BRANCH) == {
        "other": {"train": ["other/train/0000.parquet"]},
        "plain": {"test": ["plain/partial-test/0000.parquet"], "train": ["plain/train/0000.parquet"]},
    }


def test_a_pattern_of_thousands_of_stars_does_not_hang() -> None:
    card = {"configs": [{"config_name": "c", "data_files": ["**/*/" * 200 + "no.csv", "*a" * 200 + "/x"]}]}
    assert hub_files.configs(card, ["a/" * 500 + "x.csv", "a" * 500 + "/x.csv"]) == {}
