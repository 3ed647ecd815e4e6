"""Namespaces by the C library: own users, mounts, network, processes. Everything but one folder is read-only.

Needs a kernel that lets anybody make a user namespace; some forbid it (Ubuntu by AppArmor, Docker by its profile).
Numbers are from include/uapi/linux/sched.h and mount.h.
"""

import ctypes
import os
import struct

# CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET
ALL = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
MS_BIND, MS_RECURSIVE, MS_PRIVATE = 4096, 16384, 1 << 18
MOUNT_SETATTR, AT_RECURSIVE, HERE = 442, 0x8000, -100  # the call has one number on every machine
READ_ONLY, NO_SUID = 1, 2
CAPABILITIES = 0x20080522  # _LINUX_CAPABILITY_VERSION_3


def enter(writable: str) -> None:
    """Into namespaces of its own; what is started next is their first process. Raises OSError where forbidden."""
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(ALL), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    _check(libc.mount(None, b"/", None, MS_RECURSIVE | MS_PRIVATE, None), "mount")
    folder = os.fsencode(writable)
    _check(libc.mount(folder, folder, None, MS_BIND, None), "mount")
    _set(libc, b"/", AT_RECURSIVE, READ_ONLY | NO_SUID, 0)
    _set(libc, folder, 0, 0, READ_ONLY)
    os.chdir(writable)  # the same folder, through the mount that can be written


def give_up_rights() -> None:
    """Without the rights over its own namespaces that their maker has: no raw sockets, nothing set up in there."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, none = (
        struct.pack("@Ii", CAPABILITIES, 0),
        bytes(2 * 3 * 4),
    )  # two halves of effective, permitted, inheritable
    _check(libc.capset(header, none), "capset")


def _set(libc: ctypes.CDLL, path: bytes, flags: int, on: int, off: int) -> None:
    attributes = struct.pack("@4Q", on, off, 0, 0)
    size = ctypes.c_size_t(len(attributes))
    _check(libc.syscall(MOUNT_SETATTR, HERE, path, flags, attributes, size), "mount_setattr")


def _check(result: int, what: str) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
