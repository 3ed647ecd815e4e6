"""What a run was made of: model, dataset, recipe by name, what its worker noted; and the exact command."""

from markupsafe import Markup

from engine.errors import TunesmithError
from engine.recipes import recipe
from engine.runs import runs
from pages.parts import html
from storage import datasets, db, models
from storage.tables import Run

# Shown elsewhere, while it matters.
NOT_FACTS = ("device", "stage", "repeats", "stuck_since", "began_at", "seconds_before")
# What a worker notes, in words, where its own name would not do.
NAMES = {
    "dtype": "Precision",
    "max_length": "Maximum length",
    "memory_bytes": "Memory of the machine",
    "numpy": "NumPy",
    "peft": "PEFT",
    "report_dataset_id": "Dataset of the report",
    "torch": "PyTorch",
    "trl": "TRL",
}


def facts(run: Run) -> Markup:
    """What the run was made of and what came out, where a person looks it up."""
    with db.reading() as session:
        model, dataset = models.get(session, run.model_id), datasets.get(session, run.dataset_id)
    other_facts = [
        (NAMES.get(name) or name.replace("_", " ").capitalize(), _plain(name, value))
        for name, value in run.facts
        if isinstance(value, str | int | float) and name not in NOT_FACTS
    ]
    pairs = html.facts(
        (
            ("Model", html.link(model.name if model else run.model_id, f"/models?model={run.model_id}")),
            ("Dataset", html.link(dataset.name if dataset else run.dataset_id, f"/data?dataset={run.dataset_id}")),
            ("Method", ", ".join(str(run.recipe[name]) for name in ("method", "tuning") if name in run.recipe)),
            ("Created", html.moment(run.created_at)),
            ("Attempt", run.attempt),
            ("Result", run.artifact or ""),
            ("Run id", run.id),
            *other_facts,
        )
    )
    return html.card("Facts", pairs)


def _plain(name: str, value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return html.size(value) if name.endswith("_bytes") else f"{value:,}"
    return str(value)


def command(run: Run) -> Markup:
    """The exact command of the training."""
    try:
        text = runs.preview(recipe.parse(run.recipe))
    except TunesmithError as error:
        text = str(error)
    return _copyable("Command", f"command-{run.id}", text)


def _copyable(title: str, id: str, text: str) -> Markup:
    copy = Markup('<button type="button" class="ts-button" data-copy="{}">Copy</button>').format(id)
    return html.card(title, Markup('<pre class="ts-code" id="{}" tabindex="0">{}</pre>').format(id, text), aside=copy)
