"""A run's state in words, bars and buttons: the same in the list, on the run's own page and at home."""

from markupsafe import Markup

from engine.subjects import free_names
from pages.parts import html, stopping
from storage.statuses import RUN_ALIVE, RUN_MOVING, RUN_RESUMABLE, RunStatus
from storage.tables import Run

_TONES = {
    RunStatus.SUCCEEDED: "good",
    RunStatus.FAILED: "bad",
    RunStatus.STOPPED: "calm",
    RunStatus.INTERRUPTED: "calm",
}


def share_done(run: Run) -> float | None:
    """From 0 to 1; None while nobody knows."""
    if run.status == RunStatus.SUCCEEDED:
        return 1.0
    if run.max_steps:
        return run.step / run.max_steps
    return None if run.status in (RunStatus.STARTING, RunStatus.RUNNING) else 0.0


def progress_bar(run: Run) -> Markup:
    return html.progress(share_done(run), f"Progress of {run.name}", _TONES.get(run.status, ""))


def step_words(run: Run) -> str:
    if run.max_steps:
        return f"{run.step:,} of {run.max_steps:,}"
    return "waiting" if run.status == RunStatus.QUEUED else f"step {run.step:,}" if run.step else "preparing"


def time_words(run: Run) -> str:
    """What is left of a moving run, what one without an estimate ran so far, what any other took."""
    if run.status == RunStatus.RUNNING and run.eta_seconds is not None:
        return f"{html.remaining(run.eta_seconds)} left"
    so_far = " so far" if run.status in RUN_ALIVE and run.seconds is not None else ""
    return f"{html.duration(run.seconds)}{so_far}"


def time_left_or_taken(run: Run) -> tuple[str, str]:
    """The same with a name for it, where names and figures stand apart."""
    if run.status == RunStatus.RUNNING and run.eta_seconds is not None:
        return "Time left", html.remaining(run.eta_seconds)
    return "So far" if run.status in RUN_ALIVE else "Took", html.duration(run.seconds)


def in_title(run: Run, guide: str) -> Markup:
    """What the window's title says of it: how far it is, or its state."""
    share = share_done(run) if run.status == RunStatus.RUNNING else None
    before = f"{100 * share:.0f} %" if share is not None else str(run.status)
    return html.in_title(run.name, before, guide, follow=run.status in RUN_MOVING)


def action_buttons(run: Run) -> Markup:
    """What can be done with a run in its state, but to delete it."""
    buttons = []
    if run.status in (RunStatus.QUEUED, RunStatus.STARTING, RunStatus.RUNNING):
        buttons.append(stopping.stop("run", run.id, run.name))
    if run.status in RUN_RESUMABLE:
        buttons.append(html.button("Resume", "resume", run.id))
    if run.status == RunStatus.SUCCEEDED:
        buttons.append(_serve(run))
    return html.join(buttons)


def _serve(run: Run) -> Markup:
    """At once under the run's name; where no address can be made of that, by the form, which proposes another."""
    if free_names.own_name(run):
        return html.button("Serve", "serve", run.id)
    return html.link_button("Serve", f"/serve?run={run.id}")


def delete_button(run: Run) -> Markup:
    """Delete, of a run that does not move: never where Stop has just been, so on the other side of what comes there."""
    if run.status in RUN_MOVING:
        return Markup()
    question = f"Delete the run {run.name} with its checkpoints, result and exports? You can undo it for 30 seconds."
    return html.button("Delete", "delete", run.id, question, "danger")
