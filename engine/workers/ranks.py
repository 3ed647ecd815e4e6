"""Which of the processes of a training this one is, as the launcher (train.launch) says in the environment.

Light, without torch. A process that nobody launched together with others is the first and only one.
"""

import ctypes
import os
import signal
import sys

LAUNCHED = "TORCHELASTIC_RUN_ID"  # RANK alone may come from a cluster that started the studio
LAUNCHER = "TUNESMITH_LAUNCHER"  # the process that launched this one
PR_SET_PDEATHSIG = 1

# What gloo, NCCL and torch's store say when another process of the group is gone.
GONE = ("connection closed by peer", "connection reset by peer", "broken pipe", "connection refused", "remote process")
GONE_TOO = ("failed to recv", "failed to send", "socket timeout", "recvvalue failed", "sendbytes failed")
OF_THE_GROUP = ("DistBackendError", "DistNetworkError", "DistStoreError")


def launched() -> bool:
    """Whether this process was started by the launcher, perhaps as the only one."""
    return LAUNCHED in os.environ and "RANK" in os.environ


def number() -> int:
    """Counted from 0 over all machines."""
    return int(os.environ["RANK"]) if launched() else 0


def local() -> int:
    """Counted from 0 on this machine: the index of its device."""
    return int(os.environ["LOCAL_RANK"]) if launched() else 0


def total() -> int:
    """The processes of this training on all machines."""
    return int(os.environ["WORLD_SIZE"]) if launched() else 1


def first() -> bool:
    """Whether this process speaks for all: it writes events, manifests and the result."""
    return number() == 0


def device(named: str) -> str:
    """This process's own device, where `named` is the first one's: cuda:0 is cuda:1 for the second process."""
    return f"cuda:{local()}" if named.startswith("cuda") and launched() else named


def end_with_launcher() -> None:
    """On Linux, lets the kernel end this process when its launcher is killed. Nobody would come for it for a while."""
    if os.environ.get(LAUNCHER) == str(os.getppid()) and sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def another_ended(error: BaseException) -> bool:
    """Whether an error only says that another process of the group is gone: that one knows why, this one does not."""
    text = str(error).lower()
    names = {kind.__name__ for kind in type(error).__mro__}
    torn = any(words in text for words in (*GONE, *GONE_TOO))
    return total() > 1 and (bool(names & set(OF_THE_GROUP)) or ("RuntimeError" in names and torn))
