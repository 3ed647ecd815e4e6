"""What a model ends in, from its config: a head that writes, or one that scores."""

from pathlib import Path

from engine.errors import RefusedError
from engine.weights import inspection


def gives_scores(folder: Path) -> bool:
    """Whether the model in a folder has a head of one number."""
    try:
        config = inspection.read_config(folder) or {}
    except (OSError, RefusedError):
        return False
    architectures, labels = config.get("architectures"), config.get("id2label")
    listed = architectures if isinstance(architectures, list) else []
    has_head = any("ForSequenceClassification" in str(name)[:200] for name in listed)
    has_one_label = isinstance(labels, dict) and len(labels) == 1
    return has_head and (config.get("num_labels") == 1 or has_one_label)
