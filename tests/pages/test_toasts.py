"""What the engine or the machine refuses is a toast; a mistake of the studio stays an error."""

import errno

import pytest

from pages.parts.toasts import toast
from storage.home import database_file


def test_a_click_while_the_disk_is_full_is_a_toast_and_a_mistake_is_not(toasts: list[str]) -> None:
    with toast():
        raise OSError(errno.ENOSPC, "No space left on device", str(database_file()))
    assert [words.split(" (")[0] for words in toasts] == ["The disk is full where the studio keeps its files"]
    with pytest.raises(ZeroDivisionError), toast():
        raise ZeroDivisionError
    with pytest.raises(FileNotFoundError), toast():
        raise FileNotFoundError(errno.ENOENT, "No such file", "/somewhere")
