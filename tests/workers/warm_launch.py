"""The launcher for tests whose processes are forks of itself: each has imported torch and TRL already, see warm.

`engine.workers.train.launch` starts its processes as programs. What a launcher does when one of them is killed, or
when it is told to end, is tested with that one.
"""

import sys

from torch.distributed import run
from torch.distributed.launcher.api import elastic_launch

from tests.workers import warm


def main(argv: list[str]) -> None:
    """Takes torchrun's arguments, as the studio's plan has them, and runs until all processes have ended well."""
    config, _python, words = run.config_from_args(run.parse_args(["--start-method", "fork", *argv]))
    elastic_launch(config, entrypoint=process)(*words)


def process(*words: str) -> None:
    """One process of the group. `words` are what would follow `python`: -u -m MODULE SPEC OUT."""
    module, *arguments = words[words.index("-m") + 1 :]
    warm.run_module(module, arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
