"""Rows written for methods the studio does not train yet. Taken for plain chats they would teach the wrong answers."""

from engine.data.verdict import Row

LABELS = ("label", "kto_tag")
ANSWERS = ("messages", "conversations", "completion", "response", "output")
YES_OR_NO = (True, False, "true", "false", "True", "False")


def rule(row: Row) -> str | None:
    """The rule such a row breaks, or None for every other row."""
    if ("chosen" in row and "rejected" in row) or "rejected_response" in row or "rejected_messages" in row:
        return "preference"
    if "completions" in row and "labels" in row:
        return "stepwise"
    for column in LABELS:
        if _yes_or_no(row.get(column)) and any(name in row for name in ANSWERS):
            return "unpaired"
    return None


def _yes_or_no(value: object) -> bool:
    return isinstance(value, (bool, int, str)) and value in YES_OR_NO
