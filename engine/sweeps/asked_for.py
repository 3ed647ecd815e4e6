"""What is asked of a sweep beside its space: by what it goes, how it searches, for how long, how many at once."""

from collections.abc import Callable, Iterator

from pydantic import ValidationError

from engine.process import devices
from engine.recipes import evaluations, metric_directions, steps
from engine.recipes.recipe import Recipe
from engine.sweeps import proposals, reported
from engine.sweeps.spec import MEMORY, SECONDS, SIZE, TASTE, TOKENS, Choices, Objective, Range, SweepSpec
from engine.train.rules.problem import Problem, Problems
from storage.tables import Dataset, Model

COSTS = (SECONDS, TOKENS, MEMORY, SIZE)
LONGEST_NAME = 120
_WORSE = {"lower": "maximize", "higher": "minimize"}
_ADVICE = {"lower": "minimize", "higher": "maximize"}


def problems(spec: SweepSpec, model: Model | None, dataset: Dataset | None) -> list[Problem]:
    """What is wrong with it, each thing under the name of the part it is in."""
    base = _base(spec)
    parts: list[Iterator[Problem]] = [rule(spec) for rule in RULES]
    if base and dataset:
        parts += [_held_out(spec, base, dataset), _evaluated(spec, base, dataset)]
    return [problem for part in parts for problem in part]


def _base(spec: SweepSpec) -> Recipe | None:
    """The recipe without its ranges; None where it only holds with them."""
    try:
        return Recipe.model_validate(spec.recipe)
    except ValidationError:
        return None


def _name(spec: SweepSpec) -> Problems:
    name = spec.name.strip()
    if not name:
        yield Problem("name", "The sweep has no name.", "Give it one, such as `rates for lora`.")
    elif len(name) > LONGEST_NAME:
        yield Problem("name", f"The sweep's name has {len(name)} characters.", f"Use at most {LONGEST_NAME}.")


def _objectives(spec: SweepSpec) -> Problems:
    names = [objective.metric for objective in spec.objectives]
    if not names:
        hint = "Name a metric, such as eval_loss."
        yield Problem("objective", "The sweep has no objective: nothing says which trial is better.", hint)
        return
    if len(names) > MOST_OBJECTIVES:
        message = f"The sweep has {len(names)} objectives."
        yield Problem(
            "objective", message, f"Use {MOST_OBJECTIVES} or fewer: of more, nearly every trial is a best one."
        )
    for name in {name for name in names if names.count(name) > 1}:
        yield Problem("objective", f"The objective {name} is there twice.", "Leave one of them out.")
    if TASTE in names and len(names) > 1:
        hint = "Use taste alone, or metrics alone."
        yield Problem("objective", "One objective is taste, and there are others beside it.", hint)
    if all(name in COSTS for name in names):
        hint = "Add a metric that says how good the result is, such as eval_loss."
        message = f"The only objective is {names[0]}: the best would be a trial that learns nothing."
        yield Problem("objective", message, hint)
    for objective in spec.objectives:
        yield from _metric(spec, objective)


MOST_OBJECTIVES = 4


def _metric(spec: SweepSpec, objective: Objective) -> Problems:
    name = objective.metric
    offered = reported.metrics(spec.recipe)
    method = spec.recipe.get("method", "sft")
    if name in COSTS or name == TASTE:
        yield from _direction(objective, "higher" if name == TASTE else "lower")
    elif name.removeprefix("eval_").startswith("test"):
        message = f"The objective {name:.80} would read the rows kept for the report, and a sweep never does."
        yield Problem("objective", message, f"Use a metric on the eval rows: {', '.join(offered)}.")
    elif f"eval_{name}" in offered:
        message = f"The objective {name} is measured on the rows that are learnt from."
        yield Problem("objective", message, f"Use eval_{name}, which is measured on held-out rows.")
    elif name not in offered:
        message = f"The objective is {name:.80}, which the method {method} never reports."
        yield Problem("objective", message, f"Use one of: {', '.join((*offered, *COSTS, TASTE))}.")
    else:
        yield from _direction(objective, reported.better(name))
        yield from _moved(spec, name)


def _direction(objective: Objective, better: metric_directions.Direction | None) -> Problems:
    if better and objective.direction == _WORSE[better]:
        message = f"The sweep would {objective.direction} {objective.metric}, of which {better} is better."
        yield Problem("objective", message, f"Use direction {_ADVICE[better]}.")


def _moved(spec: SweepSpec, metric: str) -> Problems:
    """A loss that is weighed by beta says nothing about which beta is the better one."""
    fields = tuple(name for name in spec.space if reported.moves(name, metric))
    if fields:
        other = reported.unmoved(fields, spec.recipe)
        hint = (
            f"Use {other}, which it does not." if other else f"Leave {fields[0]} out of the space, or sweep by taste."
        )
        message = (
            f"{fields[0]} changes how {metric} is calculated, so trials that differ in it are hard to compare by it."
        )
        yield Problem("objective", message, hint, "warning")


def _sampler(spec: SweepSpec) -> Problems:
    several = len(spec.objectives) > 1
    choices = [name for name, part in spec.space.items() if isinstance(part, Choices)]
    match spec.sampler:
        case "cmaes" if choices:
            hint = "Use tpe, or leave out what has choices."
            yield Problem("sampler", f"The sampler cmaes supports numbers only, and {choices[0]} has choices.", hint)
        case "cmaes" if len(spec.space) < 2:
            yield Problem("sampler", "The sampler cmaes needs two fields or more, and the space has one.", "Use tpe.")
        case "cmaes" if several:
            hint = "Use tpe or nsga2."
            yield Problem("sampler", f"The sampler cmaes supports one objective, and there are {_count(spec)}.", hint)
        case "grid":
            yield from _grid(spec)


def _grid(spec: SweepSpec) -> Problems:
    for name, part in spec.space.items():
        if isinstance(part, Range) and not part.step and not proposals.is_whole(name):
            message = (
                f"The sampler grid tries every value, and {name} from {part.low:g} to {part.high:g} has no last one."
            )
            yield Problem("sampler", message, f"Give {name} a step or choices, or use tpe.")


def _count(spec: SweepSpec) -> int:
    return len(spec.objectives)


def _pruner(spec: SweepSpec) -> Problems:
    if spec.pruner == "none":
        return
    first = spec.objectives[0].metric if spec.objectives else ""
    if _count(spec) > 1:
        message = f"The pruner {spec.pruner} needs one objective, and there are {_count(spec)}."
        yield Problem("pruner", message, "Use pruner none, or one objective.")
    elif first == TASTE or first in COSTS:
        message = f"The pruner {spec.pruner} needs what is measured during a training, and {first} is not."
        yield Problem("pruner", message, "Use pruner none, or a metric as the objective.")


def _budget(spec: SweepSpec) -> Problems:
    budget = spec.budget
    if budget.trials is None and budget.seconds is None and budget.tokens is None:
        hint = "Set trials, seconds or tokens, such as 20 trials."
        yield Problem("budget", "The budget is empty: the sweep would never end.", hint)
    if spec.patience is not None and budget.trials is not None and spec.patience >= budget.trials:
        message = (
            f"patience is {spec.patience}, and the budget is {budget.trials} trials: it would never end the sweep."
        )
        yield Problem("patience", message, f"Use less than {budget.trials}, or leave it out.", "warning")


def _one_line(spec: SweepSpec) -> Problems:
    """What goes by a single order of the trials."""
    if spec.patience is not None and _count(spec) > 1:
        message = (
            f"patience asks whether the best became better, and of {_count(spec)} objectives there is no single best."
        )
        yield Problem("patience", message, "Leave patience out, or use one objective.")
    if spec.patience is not None and spec.objectives and spec.objectives[0].metric == TASTE:
        hint = "Leave patience out: you see yourself when it no longer pays."
        yield Problem("patience", "patience compares measured values, and taste has none.", hint)
    if spec.repeats and _count(spec) > 1:
        message = f"repeats trains the best again, and of {_count(spec)} objectives there is no single best."
        yield Problem("repeats", message, "Use 0, or one objective.")


def _parallel(spec: SweepSpec) -> Problems:
    count = len(devices.on_this_machine())
    if spec.parallel > count:
        there = (
            "one device, so one trial trains at a time"
            if count == 1
            else f"{count} devices, so {count} train at a time"
        )
        yield Problem(
            "parallel", f"parallel is {spec.parallel}, and this machine has {there}.", f"Use {count}.", "warning"
        )


def _proxy(spec: SweepSpec) -> Problems:
    proxy = spec.proxy
    if proxy is None:
        return
    if proxy.max_steps is None and proxy.data_share is None:
        hint = "Set max_steps or data_share, or leave proxy out."
        yield Problem("proxy", "The proxy is as long as a full training: nothing makes it cheaper.", hint)
    for name in ("max_steps", "num_train_epochs"):
        if proxy.max_steps and name in spec.space:
            message = f"The proxy ends after {proxy.max_steps} steps, so {name} in the space would have no effect."
            yield Problem("proxy", message, f"Use data_share alone, or leave {name} out of the space.")
    most = spec.recipe.get("max_steps", -1)
    if proxy.max_steps and isinstance(most, int) and 0 < most <= proxy.max_steps:
        message = f"The proxy has {proxy.max_steps} steps, and the full training has {most}."
        yield Problem("proxy", message, f"Use fewer than {most}, or leave proxy out.")


def _length(spec: SweepSpec) -> Problems:
    """Epochs are not looked at where the number of steps is given."""
    most = spec.recipe.get("max_steps", -1)
    counted = "max_steps" in spec.space or (isinstance(most, int) and most > 0)
    if "num_train_epochs" in spec.space and counted:
        where = "is in the space too" if "max_steps" in spec.space else f"is {most}"
        message = f"num_train_epochs has no effect, because max_steps {where}."
        hint = "Leave one of them out." if "max_steps" in spec.space else "Set max_steps to -1 in the recipe."
        yield Problem("num_train_epochs", message, hint)
    if "warmup_steps" in spec.space and spec.recipe.get("warmup_ratio"):
        message = "warmup_steps is in the space, and the recipe sets warmup_ratio, of which only one can be above 0."
        yield Problem("warmup_steps", message, "Set warmup_ratio to 0 in the recipe.")


def _held_out(spec: SweepSpec, base: Recipe, dataset: Dataset) -> Problems:
    """A metric on held-out rows needs some."""
    measured = [objective.metric for objective in spec.objectives if objective.metric.startswith("eval_")]
    if not measured or steps.held_out(base, dataset.train_rows).eval:
        return
    if base.eval_fraction == 0:
        message = f"The objective {measured[0]} is measured on held-out rows, and eval_fraction 0 holds none out."
    else:
        message = (
            f"The objective {measured[0]} is measured on held-out rows, and of {dataset.train_rows} none are held out."
        )
    hint = "Set eval_fraction in the recipe to a share, such as 0.1."
    yield Problem("eval_fraction", message, hint, instead={"eval_fraction": 0.1})


def _evaluated(spec: SweepSpec, base: Recipe, dataset: Dataset) -> Problems:
    """Trials are compared at the same steps, and a pruner needs some of them."""
    if not any(objective.metric.startswith("eval_") for objective in spec.objectives):
        return
    total = steps.total_steps(base, dataset.train_rows)
    if spec.proxy and spec.proxy.max_steps:
        total = spec.proxy.max_steps
    every = base.eval_steps or (evaluations.evaluated_every(total) if total else None)
    if base.eval_steps is None and spec.pruner != "none" and every:
        message = "eval_steps is empty, so trials of different speed are measured at different steps."
        yield Problem("eval_steps", message, f"Set it to {every} in the recipe.", "warning", {"eval_steps": every})
    if spec.pruner != "none" and total and every and total // every < 2:
        message = f"A trial of {total} steps is measured every {every}: the pruner {spec.pruner} can end none early."
        yield Problem("pruner", message, "Set eval_steps lower, train for longer, or use pruner none.", "warning")


RULES: tuple[Callable[[SweepSpec], Problems], ...] = (
    _name,
    _objectives,
    _sampler,
    _pruner,
    _budget,
    _one_line,
    _parallel,
    _proxy,
    _length,
)
