"""A run that makes no step any more: since when, what its processes do, and what to do about it."""

import time
from collections.abc import Mapping

from markupsafe import Markup

from engine.errors import TunesmithError
from engine.process import stacks
from engine.process.stacks import Stack
from engine.runs import runs, stuck
from pages.parts import html, live, toasts
from storage import home
from storage.statuses import RUN_ALIVE
from storage.tables import Run
from storage.tables.run_facts import Stuck


def is_stuck(run: Run) -> bool:
    return run.status in stuck.WATCHED and run.facts.stuck_since is not None


def notice(run: Run, machine_tab: str) -> Markup:
    """What its page says first while it is stuck. `machine_tab`: the address of what its processes do."""
    quiet = html.duration(time.time() - (run.facts.stuck_since or time.time()))
    if stuck.will_be_ended(run):
        hint = "It is ended, and continues from its last checkpoint."
        if wait := stuck.seconds_to_end(run):
            hint = f"After {html.duration(wait)} it is ended, and begins again: it may still load or tokenise."
    else:
        hint = "Its process may hang or be frozen. If it does not go on: stop it, then resume it from its checkpoint."
    link = html.link("What it does", machine_tab, soft=True)
    words = Markup("{} {}").format(hint, link)
    return html.notice(f"The training has made no step for {quiet}.", words, "warn")


def card_of(run: Run) -> Markup:
    """What its processes do, or did the last time it was stuck; nothing for a run that has ended and never was.

    The stacks fetch themselves.
    """
    last, is_alive = run.facts.stuck, run.status in RUN_ALIVE
    if last is None and not is_alive:
        return Markup()
    title = "What it does" if is_alive else "What it did when it was stuck"
    button = html.button("Ask" if last is None else "Ask again", "ask", run.id) if is_alive else ""
    return html.card(title, _story(last), live.element("runs", "stuck", 10), aside=button)


def _story(last: Stuck | None) -> Markup:
    if last is None:
        words = "Ask each of its processes which line of Python it is at. The training continues meanwhile."
    else:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(last.since))
        words = f"Attempt {last.attempt} was stuck: its last sign of life was at {when}, at step {last.step:,}."
        words += (
            " It was ended to continue from its checkpoint, or from the beginning without one." if last.ended else ""
        )
    return Markup('<p class="ts-hint">{}</p>').format(words)


def ask(run_id: str, _values: Mapping[str, str]) -> None:
    """What the button does. Raises ConflictError, NotFoundError."""
    if not stuck.ask(run_id):
        toasts.done("None of its processes listens yet. Ask again in a few seconds.")


def stacks_html(query: Mapping[str, str]) -> str:
    """The Python stack of each process of the run in the query, as it was told when it was asked last."""
    try:
        run = runs.look_up(query.get("run", ""))
    except TunesmithError as error:
        return str(html.notice(error.message, error.hint, "warn"))
    told = stacks.read(home.run_folder(run.id))
    if not told:
        return str(Markup('<p class="ts-hint">No answer yet.</p>') if run.facts.stuck else Markup())
    return str(html.join(_process(stack) for stack in told))


def _process(stack: Stack) -> Markup:
    words = " ".join(filter(None, (stack.state, _left_out(stack.left_out))))
    text = Markup('<pre class="ts-code" tabindex="0">{}</pre>').format(stack.text) if stack.text else ""
    return Markup('<div class="mc-process" data-key="{}"><h3>Process {}</h3>{}{}</div>').format(
        stack.pid, stack.pid, Markup('<p class="ts-hint">{}</p>').format(words) if words else "", text
    )


def _left_out(threads: int) -> str:
    return f"{threads} more threads are not shown." if threads else ""
