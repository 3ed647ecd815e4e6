"""Turns an intention into one command. Pure: it touches no disk and starts no process.

"Which command would run?" is therefore a test, and a preview button.
"""

import json
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.process.work_kinds import KINDS

WORKERS = {
    "sft": "engine.workers.train.sft",
    "cpt": "engine.workers.train.sft",
    **dict.fromkeys(("dpo", "orpo", "kto", "simpo", "cpo", "reward"), "engine.workers.train.preference"),
    **dict.fromkeys(("grpo", "rloo"), "engine.workers.train.reinforce"),
    "gkd": "engine.workers.train.distil",
    "fetch_model": "engine.workers.models.fetch",
    "look_model": "engine.workers.models.look",
    "look_hub_model": "engine.workers.models.hub_look",
    "search_hub": "engine.workers.models.hub_search",
    "import_data": "engine.workers.data.import_files",
    "import_hub": "engine.workers.data.import_hub",
    "shape_data": "engine.workers.data.shape",
    "diff_data": "engine.workers.data.diff",
    "evaluate": "engine.workers.evaluate.evaluate",
    "export_data": "engine.workers.data.export",
    "export_gguf": "engine.workers.exports.gguf.make",
    "export_merged": "engine.workers.exports.merge",
    "look_data": "engine.workers.data.hub_splits",
    "first_rows": "engine.workers.data.first_rows",
    "preview_data": "engine.workers.data.preview",
    "preview_hub_data": "engine.workers.data.preview_hub",
    "parity": "engine.workers.serve.parity.compare",
    "push_data": "engine.workers.data.push",
    "push_export": "engine.workers.exports.push",
    "token_rows": "engine.workers.tokens.rows",
    "token_totals": "engine.workers.tokens.totals",
    "token_lengths": "engine.workers.tokens.lengths",
    "health": "engine.workers.data.health",
    "search_index": "engine.workers.data.search_index",
    "fit_probe": "engine.workers.fit.probe",
    "machine_speed": "engine.workers.fit.machine_speed",
    "track": "engine.workers.runs.track",
    "serve": "engine.workers.serve.serve",
    "serve_gguf": "engine.workers.serve.gguf.serve",
    "install_runtime": "engine.workers.runtimes.install",
    "benchmark": "engine.workers.benchmarks.measure",
    "hash_files": "engine.workers.registry.hash_files",
    "sweep_advice": "engine.workers.sweeps.advise",
    "sweep_importance": "engine.workers.sweeps.importance",
    "sweep_study_file": "engine.workers.sweeps.study_file",
}


# What may know a secret of the studio's environment. Every other worker is started without any of them.
ASK_THE_HUB = (
    "fetch_model", "import_hub", "look_data", "look_hub_model", "preview_hub_data", "push_data", "push_export",
    "search_hub",
)  # fmt: skip
KNOWS = dict.fromkeys(ASK_THE_HUB, ("HF_TOKEN",))
BEHIND = 10  # how far work that nobody waits for stands behind trainings: what `nice` takes


@dataclass(frozen=True)
class Plan:
    """A command: argv, environment beyond the studio's own, and files to be written before it starts."""

    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)
    files: dict[Path, str] = field(default_factory=dict)
    beside: tuple[str, ...] = ()  # a command that looks on while it works, and ends with it
    knows: tuple[str, ...] = ()  # secrets of the studio's environment that this command gets
    nice: int = 0  # how much it lets others go before it

    def shell_line(self) -> str:
        """The command as a person would type it. For reading; nothing here is ever given to a shell."""
        settings = [f"{name}={shlex.quote(value)}" for name, value in sorted(self.env.items())]
        return " ".join([*settings, shlex.join(self.argv)])


def plan_worker(worker: str, spec: dict[str, Any], out: Path, env: dict[str, str] | None = None) -> Plan:
    """`python -m engine.workers.NAME OUT/spec.json OUT`: the one shape every worker of the studio is started in."""
    spec_file = out / "spec.json"
    return Plan(
        argv=[sys.executable, "-m", WORKERS[worker], str(spec_file), str(out)],
        env=env or {},
        files={spec_file: json.dumps(spec, indent=2, ensure_ascii=False)},
        knows=KNOWS.get(worker, ()),
        nice=BEHIND if worker in KINDS and not KINDS[worker].is_prompt else 0,
    )
