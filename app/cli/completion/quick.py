"""Which commands take names in their places, known without importing them: a TAB in such a place takes no time.

A test holds this table and the commands themselves together.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from app.cli.completion import names

# Of each command the nouns of its places; the last one repeats. What is no noun offers nothing: the shell's own files.
PLACES: dict[str, tuple[str, ...]] = {
    **{f"run {command}": ("run", "") for command in (
        "show", "follow", "resume", "log", "recipe", "rename", "note", "machine", "stuck", "checkpoints",
        "delete-checkpoint")},
    **{f"run {command}": ("run",) for command in ("archive", "favourite", "stop", "delete")},
    "run tag": ("", "run"),
    **{command: ("run", "") for command in (
        "export", "report", "samples", "script", "diagnose", "metrics", "serve-run")},
    "compare": ("run",),
    "evaluate": ("subject", ""),
    "prompts": ("project", ""),
    **{f"project {command}": ("project", "") for command in (
        "show", "rename", "archive", "restore", "price", "prompts", "delete")},
    "key revoke": ("key", ""),
    **{f"evaluations {command}": ("evaluation", "") for command in (
        "show", "rows", "tag", "save", "stop", "delete")},
    **{f"benchmarks {command}": ("benchmark", "") for command in ("show", "stop", "delete")},
    "benchmarks compare": ("benchmark",),
    "benchmarks save": ("", "benchmark"),
    **{f"tuners {command}": ("tuner", "") for command in ("show", "stop", "apply", "delete")},
    **{f"exports {command}": ("export", "") for command in ("show", "delete")},
    **{f"snippets {command}": ("snippet", "") for command in (
        "show", "versions", "update", "rename", "diff", "save", "delete")},
    **{f"chats {command}": ("chat", "") for command in (
        "show", "rename", "delete", "delete-message", "share", "links")},
    **{f"links {command}": ("run", "") for command in ("make", "list")},
    "queue order": ("run",),
    "queue change": ("run", ""),
    **{f"model {command}": ("model", "") for command in ("show", "change", "retry", "cancel", "delete")},
    **{f"data {command}": ("dataset", "") for command in (
        "show", "rows", "rejections", "map", "tokens", "search", "split", "sample", "filter", "export", "push",
        "versions", "health", "delete", "change", "cancel", "lineage", "statistics", "found", "fix", "ignore", "add",
        "edit")},
    "data merge": ("dataset",),
    "data diff": ("dataset", "dataset", ""),
    **{f"endpoint {command}": ("endpoint", "") for command in (
        "deploy", "rollback", "sleep", "wake", "stop", "parity", "code", "adapter list", "adapter remove", "show",
        "start", "idle", "promote", "delete")},
    "endpoint adapter add": ("endpoint", "run", ""),
    **{command: ("endpoint", "") for command in ("benchmark", "tune-endpoint", "chat")},
    **{f"sweeps {command}": ("sweep", "") for command in (
        "show", "stop", "resume", "more", "rerun", "full", "train-on", "delete", "save", "pick")},
    **{f"registry {command}": ("registry", "") for command in (
        "show", "keep", "change", "card", "promote", "rollback", "remove-alias", "log", "delete")},
    "registry serve": ("version", ""),
    "registry follow": ("endpoint", "version", ""),
}  # fmt: skip


def stand_in(words: Sequence[str], listed: Any) -> Any:
    """What offers names in place of a command that is not imported yet; None where only that command itself can.

    `words`: all before the one that is begun; `listed`: the command or group that the first of them names.
    """
    if any(word.startswith("-") for word in words):
        return None  # which of its words are values of options, only the command knows
    path = ["run", *words[1:]] if words[0] == "runs" else list(words)
    for size in (3, 2, 1):
        places = PLACES.get(" ".join(path[:size]))
        if places is not None and len(words) >= size:
            return _command(places, words[:size], words[size:], listed)
    return None


def _command(places: tuple[str, ...], path: Sequence[str], typed: Sequence[str], listed: Any) -> Any:
    noun = places[min(len(typed), len(places) - 1)]

    def offered(incomplete: str) -> list[names.Offer]:
        return names.offers(noun, incomplete) if noun else []

    def names_only(_words: Annotated[list[str] | None, typer.Argument(autocompletion=offered)] = None) -> None:
        pass

    class StandIn(TyperCommand):
        """Offers names; of options it lets the real command speak."""

        def shell_complete(self, _context: Any, incomplete: str) -> Any:
            real = listed.loaded()
            for word in path[1:]:
                real = real.commands[word]
            context = real.make_context(path[-1], list(typed), resilient_parsing=True)
            return real.shell_complete(context, incomplete)

    around = typer.Typer(add_completion=False)
    around.command(cls=StandIn)(names_only)
    return typer.main.get_command(around)
