"""A tiny model whose loss the studio leaves to TRL, so that a script's numbers can be its numbers to the last digit."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _untraced(untraced: None) -> None:
    """What runs here is a script, which is none of the studio's code, and trainings that tests.workers.train holds."""


@pytest.fixture(scope="package")
def scaled_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model whose logits are scaled."""
    import transformers  # noqa: PLC0415  (seconds, which collecting tests need not take)

    from tests.workers.trainers import families  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("scaled")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_model)
    own = {"vocab_size": len(tokenizer), "max_position_embeddings": 512, "logits_scaling": 4.0}
    ends = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    families.random_model(transformers.GraniteConfig(**families.SHAPE | own | ends)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
