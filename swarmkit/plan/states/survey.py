"""What is known before a recovery of the quorum, and why none is made; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.observed.raft import RaftFacts
from swarmkit.plan.nodes.memberships import ended_states
from swarmkit.plan.refusals import machine_refusals
from swarmkit.secret import Secret


@dataclass(frozen=True)
class Survey:
    """What is known before a recovery."""

    inventory: Inventory
    """As declared: the lost hosts too."""
    observed: Observed
    """Of the hosts that answer."""
    raft: Mapping[str, RaftFacts]
    """Of those of them that are managers."""
    silent: Mapping[str, str]
    """Host that does not answer -> why."""

    @property
    def survivors(self) -> list[str]:
        """Managers that answer, the most advanced one first."""
        return sorted(self.raft, key=self._log, reverse=True)

    @property
    def locked(self) -> list[str]:
        """Managers that answer, and wait for the unlock key since their engines started."""
        return [name for name in self.raft if self.observed.hosts[name].engine.swarm_state == "locked"]

    def is_newer(self, one: str, other: str) -> bool:
        """Tell whether the log of *one* is known to be newer than that of *other*."""
        return self._log(one) > self._log(other) > (0, 0)

    def _log(self, name: str) -> tuple[int, int]:
        return self.raft[name].term, self.raft[name].index


def came_back(hosts: Collection[str], leader: str) -> Iterator[Finding]:
    """Yield why no new cluster is forced after all: lost *hosts* answer, or *leader* tells of a swarm that decides."""
    for name in hosts:
        yield Finding(
            "H54", "error", name, "is said to be lost, but it answers by now", "",
            f"two of the old managers may be a quorum: look anew, swarmkit recover quorum without --lost {name}",
        )  # fmt: skip
    if leader:
        yield Finding(
            "H54", "error", "swarm", "has a leader again", f"{leader} tells so",
            "nothing is to recover; see swarmkit status",
        )  # fmt: skip


def recovery_refusals(survey: Survey, lost: Collection[str], going_on: str) -> Iterator[Finding]:
    inventory, survivors = survey.inventory, survey.survivors
    declared = {host.name for host in inventory.managers}
    for name in sorted(declared & survey.silent.keys() - set(lost)):
        yield Finding(
            "H54", "error", name, "does not answer, and may be a manager that lives", survey.silent[name],
            f"bring it back; if it is off for good: --lost {name}",
        )  # fmt: skip
    for name in sorted(set(lost) - survey.silent.keys()):
        yield Finding("H54", "error", name, "is said to be lost, but it answers", "", f"leave out --lost {name}")
    if not survivors:
        yield Finding(
            "H54", "error", "swarm", "no manager is left that answers", survey.observed.cluster_error,
            "a swarm without a manager comes back from a backup alone: swarmkit restore; or it is made anew, and data "
            "in volumes stays: on each worker docker swarm leave --force, then swarmkit up",
        )  # fmt: skip
        return
    ids = {survey.raft[name].cluster_id for name in survivors}
    if len(ids) > 1:
        told = ", ".join(f"{name}: {survey.raft[name].cluster_id or 'unknown'}" for name in survivors)
        yield Finding("H54", "error", "swarm", "the managers are not of one cluster", told, "correct the inventory")
    if len(survivors) > len(declared) // 2:
        yield Finding(
            "H54", "error", "swarm", f"{len(survivors)} of {len(declared)} managers answer, which is a quorum",
            f"the inventory has {', '.join(sorted(declared))}; {survey.observed.cluster_error}",
            ("run: swarmkit unlock" if survey.locked else
             "wait for the election of a leader; when none comes, tcp/2377 is closed between them: swarmkit doctor")
            + "; lost managers that the inventory has no more: put them back, and name them by --lost",
        )  # fmt: skip
    if going_on and going_on not in survivors:
        yield Finding("H54", "error", going_on, "is no manager that answers", "", f"choose: {', '.join(survivors)}")
    if not going_on and len(survivors) > 1 and not all(survey.raft[name].index for name in survivors):
        told = ", ".join(f"{name}: {survey.raft[name]}" for name in survivors)
        yield Finding("H54", "error", "swarm", "which manager knows most cannot be told", told, "choose: --from HOST")


def member_refusals(survey: Survey) -> Iterator[Finding]:
    """Yield why the hosts would not all become nodes again: told before the force, which nothing takes back."""
    observed = survey.observed
    if observed.hosts:
        answering = tuple(host for host in survey.inventory.hosts if host.name in observed.hosts)
        yield from ended_states(observed)
        yield from machine_refusals(replace(survey.inventory, hosts=answering), observed)


def lock_refusals(survey: Survey, unlock_keys: Sequence[Secret]) -> Iterator[Finding]:
    locking = [name for name in survey.survivors if survey.raft[name].locks]
    if locking and not unlock_keys:
        yield Finding(
            "H60", "error", ", ".join(locking), "its state is locked: the swarm's unlock key is needed", "",
            "give the key on stdin: swarmkit recover quorum --unlock-key ... < KEYFILE; or its store: --store DIR",
        )  # fmt: skip
