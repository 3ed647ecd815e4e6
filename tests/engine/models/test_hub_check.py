"""A model of the hub is looked at before it is fetched: by real workers, against a hub that is a program of ours."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import RefusedError, TunesmithError
from engine.fit import memory
from engine.models import hub, hub_check, models
from engine.process import hub_token, machine
from engine.process.meter import container
from storage import home
from tests.engine.models.fake_hub import COMMIT
from tests.engine.models.hub_server import hub_of
from tests.engine.weights import model_folders


@pytest.fixture
def repos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """owner/name can be trained; what is put beside it is asked of the same hub."""
    folder = tmp_path / "repos"
    model_folders.make(folder / "owner" / "name")
    with hub_of(folder, tmp_path / "requests.log", monkeypatch):
        yield folder


def test_a_model_is_judged_by_its_headers_and_small_files_and_no_weights_are_fetched(
    repos: Path, tmp_path: Path
) -> None:
    (repos / "owner" / "name" / "deaf").touch()  # a server that ignores ranges
    checked = hub_check.check("https://huggingface.co/owner/name")
    assert (checked.id, checked.revision, checked.licence) == ("owner/name", COMMIT, "mit")
    assert (checked.parameters, checked.architecture, checked.context_length) == (
        model_folders.PARAMETERS,
        "LlamaForCausalLM",
        128,
    )
    names = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md")
    assert checked.size_bytes == sum((repos / "owner" / "name" / name).stat().st_size for name in names)
    assert checked.has_chat_template
    assert checked.can_be_fetched
    assert checked.warnings == ()
    assert [need.tuning for need in checked.needs] == ["full", "lora", "qlora"]
    assert "tokenizer.json " not in (tmp_path / "requests.log").read_text()
    assert checked.model_id is None


def test_the_memory_said_before_the_download_is_the_one_said_after_it(repos: Path) -> None:
    checked = hub_check.check("owner/name")
    model = models.add_model("path", str(repos / "owner" / "name"))
    for need in checked.needs:
        recipe = hub_check.recipe_with(need.tuning)
        assert need.memory_bytes == memory.training_bytes(model, recipe), need.tuning


def test_a_model_in_many_files_is_read_from_all_their_headers(repos: Path) -> None:
    parts: dict[str, dict[str, tuple[int, ...]]] = {
        f"model-{number}-of-20.safetensors": {f"model.layers.{number}.w.weight": (8, 8)} for number in range(20)
    }
    folder = model_folders.make(repos / "owner" / "sharded")
    (folder / "model.safetensors").unlink()
    for name, shapes in parts.items():
        (folder / name).write_bytes(model_folders.safetensors(shapes, "BF16", 2))
    weight_map = {tensor: name for name, shapes in parts.items() for tensor in shapes}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    checked = hub_check.check("owner/sharded")
    assert (checked.parameters, checked.dtype, checked.refusals) == (20 * 64, "BF16", ())
    (folder / "model-7-of-20.safetensors").unlink()
    hub_token.keep("hf_asks_anew")
    assert "lacks `model-7-of-20.safetensors`" in hub_check.check("owner/sharded").refusals[0].message


def test_what_cannot_be_loaded_is_refused_with_a_remedy_before_anything_is_fetched(repos: Path) -> None:
    own_code = {"AutoModelForCausalLM": "m.Mine"}
    model_folders.make(repos / "owner" / "own-code", architectures=["Mine"], model_type="mine", auto_map=own_code)
    pickled = model_folders.make(repos / "owner" / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    broken = model_folders.make(repos / "owner" / "broken-weights")
    (broken / "model.safetensors").write_bytes(b"\xff" * 64)
    model_folders.make(repos / "owner" / "terms-first")
    (repos / "owner" / "terms-first" / "terms").touch()
    refusals = (
        ("own-code", "never runs a model's code", "another model"),
        ("pickled", "pickle weights only", "safetensors"),
        ("broken-weights", "not a safetensors file", "another model"),
        ("terms-first", "is gated", "System page"),
    )
    for name, _, _ in refusals:
        hub.begin(hub.look_at(f"owner/{name}"))  # all at once: each is a process
    for name, message, hint in refusals:
        checked = hub_check.check(f"owner/{name}")
        assert not checked.can_be_fetched
        assert message in checked.refusals[0].message, name
        assert hint in checked.refusals[0].hint, name
    hub_token.keep("hf_that_has_agreed")
    assert hub_check.check("owner/terms-first").can_be_fetched  # another token asks anew


def test_no_room_on_the_disk_refuses_and_too_little_memory_warns(repos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hub_check.check("owner/name").can_be_fetched
    monkeypatch.setattr(home, "free_bytes", lambda: 1000)
    monkeypatch.setattr(container, "memory_bytes", lambda: 100_000_000)
    monkeypatch.setattr(machine, "has_gpu", lambda: False)
    checked = hub_check.check("owner/name")
    assert "needs" in checked.refusals[0].message
    assert "1 kB is free" in checked.refusals[0].message
    assert "Too big for this machine" in checked.warnings[0].message
    assert not any(need.fits for need in checked.needs)


@pytest.mark.usefixtures("repos")
def test_what_the_hub_does_not_have_is_said_and_asked_again_later() -> None:
    with pytest.raises(TunesmithError, match="no model owner/nothing") as missing:
        hub_check.check("owner/nothing")
    assert "HF_TOKEN" in missing.value.hint
    with pytest.raises(RefusedError, match="not the name of a model"):
        hub_check.check("../x")


@pytest.mark.usefixtures("repos")
def test_a_search_lists_models_with_what_decides_between_them() -> None:
    listed = hub.search("  NAME ")
    facts = {
        "parameters": 712,
        "downloads": 1234,
        "likes": 5,
        "gated": False,
        "licence": "mit",
        "updated": "2026-11-01",
    }
    assert listed == [{"id": "owner/name", **facts}]
    assert hub.search("nothing-like-it") == []
    for text in ("  ", "x" * 101):
        with pytest.raises(RefusedError):
            hub.search(text)


def test_without_a_hub_a_search_says_so_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(TunesmithError, match="hub cannot be reached") as away:
        hub.search("qwen")
    assert "local folder" in away.value.hint
