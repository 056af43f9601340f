"""Removing what restores, and their undoing, have moved aside: it holds the secrets of its day, and takes room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from swarmkit.errors import SwarmkitError
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.observed.set_aside import UNDONE, SetAside
from swarmkit.plan.context import Context
from swarmkit.plan.model import Plan, Step

_TIMEOUT_SECONDS = 300.0
_MEGABYTE = 1e6
_REMOVE = """
set -eu
exec 9>/run/swarmkit-restore.lock
flock -w 120 9 || { echo "another restore is at work on this host" >&2; exit 1; }
rm -rf "$1/$2"
test ! -e "$1/$2"
"""


@dataclass(frozen=True)
class RemoveSetAside:
    """Remove one folder that a restore, or its undoing, moved aside."""

    step: Step
    root: str
    """Docker's folder."""
    folder: str

    def run(self, context: Context) -> str:
        reached = context.reached(self.step.target)
        result = reached.shell.run(_REMOVE, (self.root, self.folder), timeout_seconds=_TIMEOUT_SECONDS)
        if result.exit_code != 0:
            what = f"{self.step.target}: could not remove {self.root}/{self.folder}"
            raise SwarmkitError(what, result.stderr.strip()[-500:], "correct it there, and run the same again")
        return ""


def prune_plan(observed: Observed, names: Sequence[str]) -> Plan:
    """Return the plan that removes what lies aside on the hosts *names*."""
    found = {name: observed.set_aside.get(name, ()) for name in names}
    roots = {name: observed.hosts[name].engine.root_dir for name in names}
    operations = [_removal(name, roots[name], one) for name, aside in found.items() for one in aside]
    nothing = f"no restore has left anything aside on {', '.join(names)}"
    return Plan(tuple(operations), (), tuple(_warnings(observed, found)), why_nothing=nothing)


def _removal(name: str, root: str, one: SetAside) -> RemoveSetAside:
    of = f", of cluster {one.cluster_id}" if one.cluster_id else ""
    by = "the undoing of a restore" if one.folder.startswith(UNDONE) else "a restore"
    reason = f"{one.bytes / _MEGABYTE:.1f} MB{of}, that {by} moved aside" if one.is_state else "it holds no state"
    step = Step(f"aside:{name}:{one.folder}", "swarm", "remove", name, f"remove {one.folder}", reason, destructive=True)
    return RemoveSetAside(step, root, one.folder)


def _warnings(observed: Observed, found: dict[str, tuple[SetAside, ...]]) -> Iterator[Finding]:
    for name, aside in found.items():
        state = observed.hosts[name].engine.swarm_state
        if state != "active" and any(one.is_state for one in aside):
            yield Finding(
                "H54", "warning", name, "what lies aside may be all that there is of its swarm",
                f"its swarm state is {state}", f"look at it first: swarmkit recover undo-restore {name}",
            )  # fmt: skip
