"""Reward models as what is compared: known by their run or their head, with what they may stand against."""

import json
from pathlib import Path

import pytest

from engine.errors import RefusedError
from engine.evaluate import evaluations, spec
from engine.evaluate.evaluations import Wanted
from engine.subjects import named
from storage import db
from storage.tables import Model, Run
from tests.serving import finished_run, ready_model

HEAD = {"architectures": ["LlamaForSequenceClassification"], "id2label": {"0": "LABEL_0"}, "num_labels": 1}
UNLIKE = "`judge` is a reward model: it gives scores, and `writer` gives answers"


def model(name: str, **config: object) -> Model:
    row = ready_model(name=name)
    Path(str(row.path), "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], **config}))
    return row


def run(base: Model, name: str, method: str, artifact: str = "adapter", **recipe: object) -> Run:
    row = finished_run(base, name, artifact)
    with db.session() as session:
        session.get_one(Run, row.id).recipe = {"method": method, "seed": 42, **recipe}
    return row


@pytest.fixture
def base() -> Model:
    return model("base")


def told(subject: str, against: str | None = None, dataset_id: str | None = None) -> dict[str, object]:
    """What the worker is told of both sides: name and head_seed of base and tuned."""
    made = spec.of(evaluations.create(Wanted("x", subject, against=against, dataset_id=dataset_id)))
    assert made["base"]["scores"] is made["tuned"]["scores"] is True
    return {side: (made[side]["name"], made[side]["head_seed"]) for side in ("base", "tuned")}


def test_a_reward_model_is_compared_with_the_new_head_of_its_base_or_of_a_whole_model(base: Model) -> None:
    judge = run(base, "judge", "reward")
    assert told(f"run:{judge.id}") == {"base": (f"model:{base.id}", 42), "tuned": (f"run:{judge.id}", None)}
    whole = run(base, "whole", "sft", "model")
    further = run(base, "further", "reward", "model", start_from=whole.id)
    assert told(f"run:{further.id}") == {"base": (f"run:{whole.id}", 42), "tuned": (f"run:{further.id}", None)}


def test_of_two_reward_models_neither_gets_a_new_head(base: Model) -> None:
    first, second = run(base, "first", "reward"), run(base, "second", "reward")
    pair = told(f"run:{second.id}", f"run:{first.id}")
    assert pair == {"base": (f"run:{first.id}", None), "tuned": (f"run:{second.id}", None)}


def test_a_model_with_a_head_of_one_number_is_a_reward_model(base: Model) -> None:
    ready = model("judge", **HEAD)
    assert named.find(f"model:{ready.id}").scores
    assert not named.find(
        f"model:{model('classes', **HEAD | {'id2label': {'0': 'a', '1': 'b'}, 'num_labels': 2}).id}"
    ).scores
    pair = told(f"model:{ready.id}", f"model:{base.id}", run(base, "rows", "sft").dataset_id)
    assert pair == {"base": (f"model:{base.id}", 0), "tuned": (f"model:{ready.id}", None)}


def test_a_reward_model_and_a_model_that_writes_are_not_compared(base: Model) -> None:
    judge, writer = run(base, "judge", "reward"), run(base, "writer", "sft")
    with pytest.raises(
        RefusedError, match="`judge` is a reward model: it gives scores, and `writer` gives answers"
    ) as no:
        evaluations.create(Wanted("x", f"run:{writer.id}", against=f"run:{judge.id}"))
    assert no.value.hint == "Compare two reward models, or two models that answer."
    with pytest.raises(
        RefusedError, match="`judge` is a reward model: it gives scores, and `writer` gives answers"
    ) as no:
        evaluations.create(Wanted("x", f"run:{judge.id}", against=f"run:{writer.id}"))
    assert no.value.hint == "Compare it with its base model, or with another reward model."
    headed = model("headed", **HEAD)
    with pytest.raises(RefusedError, match="`headed` is a reward model"):
        evaluations.create(Wanted("x", f"run:{writer.id}", against=f"model:{headed.id}"))
