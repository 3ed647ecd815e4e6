"""What people call the roles of a chat and the keys of a turn, and which of ours they mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.rows.verdict import Rejection

# "call" is an assistant turn that holds nothing but a call of a tool, written as JSON.
OURS = ("system", "user", "assistant", "tool", "call")
ROLES = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter"), "user"),
    **dict.fromkeys(("assistant", "gpt", "chatgpt", "chatbot", "bot", "model", "ai", "bing", "bard"), "assistant"),
    **dict.fromkeys(("tool", "function", "observation", "ipython", "tool_response", "tool_result"), "tool"),
    **dict.fromkeys(("function_response", "function_result"), "tool"),
    **dict.fromkeys(("call", "function_call", "tool_call", "tool_calls"), "call"),
}


def plain_name(name: str) -> str:
    """A name without what people vary: `Canonical Solution`, `canonical-solution` -> `canonical_solution`."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


@dataclass(frozen=True, eq=False)
class Words:
    """The keys of a turn that say who speaks and what, and the names of the roles (as `plain_name` writes them)."""

    who: tuple[str, ...] = ("role", "from", "speaker")
    what: tuple[str, ...] = ("content", "value", "text", "parts")
    roles: Mapping[str, str] = field(default_factory=lambda: ROLES)

    def role(self, name: Any) -> str:
        """Our word for a role. Raises Rejection for roles nobody knows."""
        role = self.roles.get(plain_name(name)) if isinstance(name, str) else None
        if role is None:
            raise Rejection("unknown_role", name)
        return role


USUAL = Words()


def words(who: str | None = None, what: str | None = None, roles: Mapping[str, str] | None = None) -> Words:
    """The usual words and a person's own before them: the keys of a turn, and names of roles -> one of `OURS`."""
    own_roles = {plain_name(name): role for name, role in (roles or {}).items()}
    return Words(
        (who, *USUAL.who) if who else USUAL.who, (what, *USUAL.what) if what else USUAL.what, {**ROLES, **own_roles}
    )
