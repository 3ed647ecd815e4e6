"""Landlock: the kernel lets this process, and what it starts, only at the files it was given.

Needs no rights. Numbers and structures are from include/uapi/linux/landlock.h. What it does not look at: whether a file
is there, its size, rights and times (chmod, stat), sockets of the file system, UDP.
"""

import ctypes
import os
import struct
from collections.abc import Sequence

CREATE, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every machine
VERSION_FLAG, PATH_BENEATH = 1, 1
PR_SET_NO_NEW_PRIVS = 38
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
MAKE_CHAR, MAKE_BLOCK = 1 << 6, 1 << 11
REFER, TRUNCATE, IOCTL = 1 << 13, 1 << 14, 1 << 15
FIRST_FILES = (1 << 13) - 1
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL  # what can be said of a file that is no folder
TCP = 3  # bind, connect
ABSTRACT_SOCKETS, SIGNALS = 1, 2
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")


def version() -> int:
    """The kernel's version of Landlock, 0 where there is none. 4 and later know TCP, 6 and later signals."""
    return max(0, int(_libc().syscall(CREATE, None, ctypes.c_size_t(0), VERSION_FLAG)))


def restrict(readable: Sequence[str], writable: str) -> None:
    """From here on: reads and runs what is under `readable`, does anything under `writable`, and nothing elsewhere.

    A path that is not there is passed over. Raises OSError where the kernel refuses.
    """
    known = version()
    if not known:
        raise OSError("Landlock: this kernel has none")
    files = FIRST_FILES | (REFER if known >= 2 else 0) | (TRUNCATE if known >= 3 else 0) | (IOCTL if known >= 5 else 0)
    fields = [files] + ([TCP] if known >= 4 else []) + ([ABSTRACT_SOCKETS | SIGNALS] if known >= 6 else [])
    attributes = struct.pack(f"@{len(fields)}Q", *fields)
    ruleset = _called(CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    for path in readable:
        _allow(ruleset, path, (EXECUTE | READ_FILE | READ_DIR) & files)
    for path in DEVICES:
        _allow(ruleset, path, (READ_FILE | WRITE_FILE) & files)
    _allow(ruleset, writable, files & ~(MAKE_CHAR | MAKE_BLOCK | IOCTL))
    if _libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    _called(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):  # what cannot be reached needs no rule
        return
    if not os.path.isdir(path):
        rights &= OF_FILES
    _called(ADD_RULE, ruleset, PATH_BENEATH, struct.pack("=Qi", rights, descriptor), 0)
    os.close(descriptor)


def _called(number: int, *arguments: object) -> int:
    result = int(_libc().syscall(number, *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock: {os.strerror(code)}")
    return result


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
