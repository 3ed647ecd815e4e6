"""What the studio says of rows before the start is what each training then says itself."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from engine.data import row_counts, row_lengths
from engine.process import events
from engine.recipes.recipe import Recipe
from engine.workers.tokens import lengths
from engine.workers.train import family_distil, family_preference, family_reinforce, training
from engine.workers.train.training import Family, Spec
from engine.workers.tuning.model import Base
from storage.tables import Model
from tests.workers.tokens import test_row_lengths, vocabularies
from tests.workers.train import training_runs

pytestmark = [pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")]

CONTEXT = 64  # tokens that the model reads
FAMILIES: dict[str, tuple[Family, Any, dict[str, Any]]] = {
    "sft": (training.SUPERVISED, "chat", {}),
    "cpt": (training.SUPERVISED, "text", {}),
    "dpo": (family_preference.FAMILY, "preference", {}),
    "reward": (family_preference.FAMILY, "preference", {}),
    "kto": (family_preference.FAMILY, "unpaired", {"loss_type": "apo_zero_unpaired"}),
    "grpo": (family_reinforce.FAMILY, "prompt", {"reward_funcs": "length", "max_completion_length": 6}),
    "rloo": (family_reinforce.FAMILY, "completion", {"reward_funcs": "length", "max_completion_length": 6}),
    "gkd": (family_distil.FAMILY, "chat", {"teacher_id": "t", "max_completion_length": 6}),
}


@pytest.mark.parametrize("method", FAMILIES)
def test_a_training_leaves_out_and_cuts_what_was_counted_before(method: str, tiny_model: Path, tmp_path: Path) -> None:
    family, kind, fields = FAMILIES[method]
    spec = vocabularies.spec(tmp_path, kind, test_row_lengths.rows_of(kind, 7))
    read_as = {"kind": "prompt"} if method in ("grpo", "rloo") else {}
    paths = {"model": str(tiny_model), "cache": str(tmp_path / "tokens of the model"), "max_length": CONTEXT}
    lengths.work(spec | paths | read_as, tmp_path)
    found = row_lengths.counted(str(tmp_path))
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    losses = set()
    for max_length in (16, 27, 40, 200):
        values = training_runs.spec(tiny_model, tmp_path / "rows.parquet", kind, method=method, **fields)
        values["recipe"] = Recipe.model_validate(values["recipe"] | {"max_length": max_length}).model_dump()
        out = tmp_path / str(max_length)
        out.mkdir()
        base: Any = Base(None, tokenizer, False, None, CONTEXT)
        rows = family.rows(Spec.read(values), base, out)
        counts = row_counts.of(found, Recipe.model_validate(values["recipe"]), _model())
        assert (counts.untrainable + counts.refused, counts.cut, counts.kept) == (
            rows.counts.dropped,
            rows.counts.truncated,
            len(rows.train),
        )
        said = " ".join(note.message for note in events.read(out)[0] if isinstance(note, events.Note))
        for number in (counts.untrainable, counts.cut, counts.without_room):
            assert not number or f"{number:,} rows" in said
        losses.add((counts.left_out, counts.cut))
    assert len(losses) > 2


def _model() -> Model:
    return Model(source="path", source_id="m", name="m", context_length=CONTEXT)
