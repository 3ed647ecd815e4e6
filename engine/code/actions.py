"""What a model can do with code, and what each of these needs to be told."""

from dataclasses import dataclass
from typing import Literal

Need = Literal["task", "code", "error", "language2"]  # words, files, what went wrong, the language to translate to


@dataclass(frozen=True)
class Action:
    """`needs` must be there, `takes` may be. `writes_code`: its answer is code to keep, and not only words."""

    name: str
    title: str
    help: str
    needs: tuple[Need, ...]
    takes: tuple[Need, ...] = ()
    writes_code: bool = True

    def reads(self, need: Need) -> bool:
        return need in self.needs or need in self.takes


_ALL = (
    Action("write", "Write", "New code for a task; files given with it are its context.", ("task",), ("code",)),
    Action("explain", "Explain", "Says what the code does.", ("code",), ("task",), writes_code=False),
    Action("fix", "Fix", "Finds what is wrong and fixes it; best with the exception.", ("code",), ("task", "error")),
    Action("test", "Test", "Writes tests for the code in a file of their own.", ("code",), ("task",)),
    Action("document", "Document", "Adds docstrings and comments, and changes nothing else.", ("code",), ("task",)),
    Action("refactor", "Refactor", "Makes it clearer without changing what it does.", ("code",), ("task",)),
    Action("translate", "Translate", "The same program in another language.", ("code", "language2"), ("task",)),
    Action("complete", "Complete", "Writes what belongs at the cursor.", ("code",), ("task",)),
)
ACTIONS = {action.name: action for action in _ALL}
