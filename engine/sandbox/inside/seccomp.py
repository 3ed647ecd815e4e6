"""System calls that code in a sandbox has no use for, refused by the kernel: a filter of the process's own (seccomp).

A layer under every means: it holds where a namespace or Landlock has a gap, and needs no rights. Numbers are from the
kernel's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h (aarch64); -1 where there is none.
"""

import ctypes
import errno
import os
import socket
import struct

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ, |JGE, |JSET, BPF_RET
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # the column below, AUDIT_ARCH_*
X32 = 0x40000000  # the bit of x86_64's second table of calls
NUMBER, MACHINE, FIRST_ARGUMENT, SECOND_ARGUMENT = 0, 4, 16, 24  # offsets in struct seccomp_data
NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2

Calls = dict[str, tuple[int, int]]

# Other processes, namespaces and mounts, the kernel's own keys and programs, memory that no limit counts.
REFUSED: Calls = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "process_madvise": (440, 440), "pidfd_getfd": (438, 438), "unshare": (272, 97), "setns": (308, 268),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fspick": (433, 433), "mount_setattr": (442, 442), "open_tree_attr": (467, 467), "keyctl": (250, 219),
    "add_key": (248, 217), "request_key": (249, 218), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194),
    "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semctl": (66, 191), "msgget": (68, 186),
    "msgctl": (71, 187), "mq_open": (240, 180), "mq_unlink": (241, 181), "inotify_init": (253, -1),
    "inotify_init1": (294, 26), "inotify_add_watch": (254, 27), "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "acct": (163, 89), "quotactl": (179, 60), "quotactl_fd": (443, 443), "syslog": (103, 116),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266),
    "sethostname": (170, 161), "setdomainname": (171, 162), "iopl": (172, -1), "ioperm": (173, -1),
    "modify_ldt": (154, -1), "vhangup": (153, 58), "personality": (135, 92), "migrate_pages": (256, 238),
    "move_pages": (279, 239), "mbind": (237, 235), "set_mempolicy": (238, 237), "setpriority": (141, 140),
    "sched_setscheduler": (144, 119), "sched_setparam": (142, 118), "sched_setattr": (314, 274),
    "ioprio_set": (251, 30),
}  # fmt: skip
# Rights, owners and times of files: Landlock does not look at these, so they are refused where nothing else does.
METADATA: Calls = {
    "chmod": (90, -1), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, -1),
    "fchown": (93, 55), "lchown": (94, -1), "fchownat": (260, 54), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "setxattrat": (463, 463), "removexattrat": (466, 466), "utime": (132, -1), "utimes": (235, -1),
    "futimesat": (261, -1), "utimensat": (280, 88), "file_setattr": (469, 469),
}  # fmt: skip
SIGNALS: Calls = {
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "pidfd_send_signal": (424, 424),
}  # fmt: skip
DUMPABLE, PRCTL = 4, (157, 167)  # PR_SET_DUMPABLE: whether the studio may look into the process
ONLY_ITSELF: Calls = {"prlimit64": (302, 261), "sched_setaffinity": (203, 122)}  # the first argument is a process
# By the second argument: whom a file's signals go to (F_SETOWN, F_SETOWN_EX, FIOSETOWN, SIOCSPGRP), so that none goes
# to others where Landlock keeps none inside; and words typed into a terminal (TIOCSTI, TIOCLINUX).
ASKING: dict[str, tuple[tuple[int, int], tuple[int, ...]]] = {
    "fcntl": ((72, 25), (8, 15)),
    "ioctl": ((16, 29), (0x8901, 0x8902, 0x5412, 0x541C)),
}
CLONE, CLONE3, SOCKET = (56, 220), (435, 435), (41, 198)
FAMILIES = {
    "all": (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6),
    "internet": (socket.AF_INET, socket.AF_INET6),
    "none": (),
}  # AF_VSOCK and the like are in no namespace

Instruction = tuple[int, int, int, int]


def program(machine: str, refused: Calls, sockets: str) -> bytes:
    """The filter: what is `refused` answers "not permitted", everything else is let through.

    `sockets` names the FAMILIES a socket may be of. Each instruction is (code u16, jump-if u8, jump-else u8,
    value u32). Raises KeyError for a machine whose numbers are not known.
    """
    column, architecture = MACHINES[machine]
    refuse, allow = (RETURN, 0, 0, ERRNO | errno.EPERM), (RETURN, 0, 0, ALLOW)
    lines: list[Instruction] = [(LOAD, 0, 0, MACHINE), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL)]
    lines.append((LOAD, 0, 0, NUMBER))
    if machine == "x86_64":
        lines += [(AT_LEAST, 0, 1, X32), refuse]
    for call in refused.values():
        if call[column] >= 0:
            lines += [(EQUAL, 0, 1, call[column]), refuse]
    # clone3 hides its flags from a filter; where it is missing, the C library takes clone.
    lines += [(EQUAL, 0, 1, CLONE3[column]), (RETURN, 0, 0, ERRNO | errno.ENOSYS)]
    lines += [(EQUAL, 0, 4, CLONE[column]), (LOAD, 0, 0, FIRST_ARGUMENT), (ANY_BIT, 0, 1, NEW_NAMESPACES)]
    lines += [refuse, allow]
    for call in ONLY_ITSELF.values():
        lines += [(EQUAL, 0, 4, call[column]), (LOAD, 0, 0, FIRST_ARGUMENT), (EQUAL, 1, 0, 0), refuse, allow]
    lines += [(EQUAL, 0, 4, PRCTL[column]), (LOAD, 0, 0, FIRST_ARGUMENT), (EQUAL, 0, 1, DUMPABLE), refuse, allow]
    for call, asked in ASKING.values():
        lines += [(EQUAL, 0, len(asked) + 3, call[column]), (LOAD, 0, 0, SECOND_ARGUMENT)]
        lines += [(EQUAL, left, 0, value) for left, value in zip(range(len(asked), 0, -1), asked, strict=True)]
        lines += [allow, refuse]
    families = FAMILIES[sockets]
    lines += [(EQUAL, 0, len(families) + 2, SOCKET[column]), (LOAD, 0, 0, FIRST_ARGUMENT)]
    for left, family in zip(range(len(families), 0, -1), families, strict=True):
        lines.append((EQUAL, left, 0, family))
    lines += [refuse, allow]
    return b"".join(struct.pack("@HBBI", *line) for line in lines)


def install(refused: Calls, sockets: str) -> None:
    """From here on the filter holds, also for what this process starts. Raises OSError where the kernel has none."""
    machine = os.uname().machine
    if machine not in MACHINES:
        raise OSError(errno.ENOSYS, f"the system calls of {machine} are not known here")
    code = program(machine, refused, sockets)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")
