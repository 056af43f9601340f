"""`export`: a running stack, by whatever tool it was made, as a stack file that plans to no change."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.stack.reading import load_stack
from swarmkit.errors import InputError, SwarmkitError
from swarmkit.observed.model import ClusterState, Observed, network_targets
from swarmkit.observed.observe import observe
from swarmkit.plan.export.stack import compared, stack_names, written_stack
from swarmkit.plan.progress import Progress, telling
from swarmkit.reach.answering import of_those_that_answer
from swarmkit.reach.fleet import Unreached, reach_some
from swarmkit.secret import Secret
from swarmkit.workflows.some_hosts import answering_hosts, cluster_of

_OF_ALL_HOSTS = ("B35", "B42")
"""Refusals that are so only where no other host could run a task."""


@dataclass(frozen=True)
class Exported:
    text: str
    """The stack file, its notes as comments."""
    notes: tuple[str, ...]
    differences: tuple[str, ...]
    """What runs and the file cannot say: what a plan with it would change."""
    refusals: tuple[str, ...]
    """Why a plan with it would be refused."""
    silent: Unreached = field(default_factory=dict)
    """The hosts that were not asked, and why each does not answer."""

    @property
    def is_whole(self) -> bool:
        return not (self.differences or self.refusals)


def export(inventory: Inventory, stack: str, *, progress: Progress, sudo_password: Secret | None = None) -> Exported:
    """Read the cluster by the hosts that answer and return *stack* as a file. Never writes.

    Raises SwarmkitError without such a stack, UnreachableError when no host answers, or none that tells of a swarm.
    """
    progress.phase("connect")
    with reach_some(inventory, sudo_password=sudo_password, on_waiting=telling(progress)) as (fleet, silent):
        progress.phase("observe")
        observed, _, lost = of_those_that_answer(fleet, lambda those: observe(those, kernel="never"))
        return exported(inventory, stack, observed, {**silent, **lost})


def exported(
    inventory: Inventory, stack: str, observed: Observed, silent: Unreached = MappingProxyType({})
) -> Exported:
    """Return the file, after it was read as `plan` reads it and compared with what runs.

    What a stack needs of hosts that are *silent* is not judged.
    """
    cluster = cluster_of(observed, silent)
    if cluster is None:
        raise SwarmkitError("there is no swarm to export from", observed.cluster_error)
    names = stack_names(cluster)
    if stack not in names:
        to_do = f"name one that runs: {', '.join(names)}" if names else "none runs: swarmkit up -f STACK makes one"
        raise SwarmkitError(f"no service of a stack {stack} runs", to_do=to_do)
    written = written_stack(stack, observed, cluster)
    notes = (*written.notes, *_unasked(stack, cluster, silent))
    with tempfile.TemporaryDirectory(prefix="swarmkit-export-") as folder:
        path = Path(folder) / f"{stack}.yaml"
        path.touch(mode=0o600)
        path.write_text(written.body)
        try:
            declared = load_stack(path, name=stack, environment={})
            comparison = compared(answering_hosts(inventory, silent), declared, observed)
            differences = comparison.changes
            judged = [one for one in comparison.refusals if not silent or one.code not in _OF_ALL_HOSTS]
            refusals = tuple(f"{one.code} {one.where}: {one.what}" for one in judged)
        except InputError as error:
            differences, refusals = (), tuple(f"{one.code} {one.path}: {one.what}" for one in error.complaints)
    head = _head(stack, inventory.cluster, notes, differences, refusals)
    return Exported(f"{head}\n{written.body}", notes, differences, refusals, silent)


def _unasked(stack: str, cluster: ClusterState, silent: Unreached) -> Iterator[str]:
    """Yield what the file may lack for hosts that are *silent*: a LAN's part of a host is told by that host alone."""
    used = set[str]().union(*(network_targets(live.spec) for live in cluster.services if live.stack == stack))
    lans = [one.name for one in cluster.networks if one.config_from and {one.id, one.name} & used]
    if lans:
        for name in silent:
            yield f"{name} does not answer: its part of a macvlan or ipvlan network is not here ({', '.join(lans)})"


def _head(
    stack: str, cluster: str, notes: tuple[str, ...], differences: tuple[str, ...], refusals: tuple[str, ...]
) -> str:
    lines = [
        f"Stack {stack} as it runs in cluster {cluster}, by swarmkit export.",
        "Not in it, for a swarm does not hold them: depends_on, marks of backups (x-swarmkit), variables, anchors.",
        f"The line name: {stack} is swarmkit's: docker stack deploy knows none, and takes the name as an argument.",
        *notes,
        *(f"Cannot be said here: {one}" for one in differences),
        *(f"Refused here: {one}" for one in refusals),
    ]
    return "".join(f"# {' '.join(line.split())}\n" for line in lines)
