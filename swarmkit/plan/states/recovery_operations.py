"""Operations that make a working swarm of the one manager that is left. Each reads back what it did."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from swarmkit.errors import NotConvergedError, SwarmkitError
from swarmkit.observed import parse
from swarmkit.observed.left_by_force import no_members
from swarmkit.observed.model import RECOVERY_LABEL
from swarmkit.plan.context import Context
from swarmkit.plan.engines.started_engine import (
    announce_ingress,
    ingress_sandbox,
    is_unannounced,
    start_network_agent,
    wait_for_locking_manager,
)
from swarmkit.plan.model import Step
from swarmkit.plan.nodes.changed_swarm import change_swarm
from swarmkit.plan.nodes.leader import once_a_leader_tells
from swarmkit.plan.states.kept_ca import read_ca_rotations
from swarmkit.reach.engine import Engine, EngineError, Json
from swarmkit.reach.fleet import ReachedHost
from swarmkit.reach.ssh import CommandTimeoutError, ConnectionLostError
from swarmkit.secret import Secret

BETWEEN_STARTS_SECONDS = 30.0
_BETWEEN_STARTS = "This node is not a swarm manager"
RESTORED_LABEL = "swarmkit.restored"
"""Label of a swarm that goes on from a backup: which one."""


@dataclass(frozen=True)
class ForceNewCluster:
    """Make the manager its raft's only member, and mark the swarm: who has not the mark missed the recovery."""

    step: Step
    body: Mapping[str, Any]
    cluster_id: str
    """What it must be afterwards as before."""
    restored: str = ""
    """The backup that it goes on from, if it does."""
    keeps_ca: bool = False
    """Whether the number of the CA's rotations is the one on the manager's disk, not the body's: then none is made,
    unless the disk does not tell it, which the step's note says."""

    def run(self, context: Context) -> str:
        reached = context.reached(self.step.target)
        engine = reached.engine
        context.manager_name = self.step.target
        body = dict(self.body)
        unread = ""
        if self.keeps_ca:
            try:
                body["Spec"] = {**body["Spec"], "CAConfig": {"ForceRotate": read_ca_rotations(reached)}}
            except SwarmkitError as error:
                # A swarm that decides nothing is worse than one whose CA and tokens are made anew.
                unread = f" ({error.what})"
        ingress = ingress_sandbox(reached) if self.restored else ""
        was_answered = True
        try:
            _force(engine, body)
        except (ConnectionLostError, CommandTimeoutError):
            # It says nothing of the force, which the engine finishes: what is there by now is looked at.
            was_answered = False
        swarm = once_a_leader_tells(engine.swarm, lambda swarm: bool(swarm.get("ID")))
        if not was_answered:
            _check_alone(reached)
        if self.cluster_id and swarm["ID"] != self.cluster_id:
            raise SwarmkitError(
                f"{self.step.target}: the swarm has another id than before",
                f"it was {self.cluster_id} and is {swarm['ID']}",
                "nothing else was changed; compare docker service ls there with what should run",
            )
        mark_recovered(engine, {RESTORED_LABEL: self.restored} if self.restored else {})
        restarted = _heard(reached, engine.unlock_key(), ingress)
        _check_address(reached, str(self.body["AdvertiseAddr"]))
        rotates = "; its CA rotates, and the join tokens with it" if swarm.get("RootRotationInProgress") else ""
        rotates += unread
        return f"cluster {swarm['ID']} has a leader again{rotates}{restarted}"


def _check_alone(reached: ReachedHost) -> None:
    """See that it was the force that made a leader, whose answer was lost, not the return of other managers."""
    members = [node.hostname for node in map(parse.node, reached.engine.find("nodes")) if node.reachability]
    if len(members) > 1:
        raise SwarmkitError(
            "the swarm has a leader again, and no new cluster was forced",
            f"members of its raft: {', '.join(sorted(members))}",
            "nothing is to recover; see swarmkit status",
        )


def _force(engine: Engine, body: Json) -> None:
    """Force a new cluster, once the engine's node is there: between two starts of it the engine refuses (moby 34384).

    The node is looked for first: an engine 20.10 that has refused this keeps its mutex, and tells nothing of its swarm
    any more until it is started again (moby daemon/cluster/swarm.go, Init).
    """
    ends = time.monotonic() + BETWEEN_STARTS_SECONDS
    while True:
        swarm = engine.info()["Swarm"]
        is_over = time.monotonic() > ends
        if parse.node_state(swarm) == "inactive" or swarm.get("NodeID"):
            try:
                return engine.init_swarm(body)
            except EngineError as error:
                if _BETWEEN_STARTS not in error.message or is_over:
                    raise
        elif is_over:
            raise SwarmkitError(
                f"{engine.host}: its node does not start, and no new cluster was forced",
                str(swarm.get("Error") or f"its swarm state is {parse.node_state(swarm)}"),
                f"see journalctl -u docker on {engine.host}; then run the same again",
            )
        time.sleep(1.0)


def mark_recovered(engine: Engine, more: Mapping[str, str]) -> None:
    """Tell in the swarm's labels of a recovery later than all before it, and lay *more* over them.

    The time of day counts on over all lives of a swarm: one that goes on from a backup knows of no recovery since that.
    """

    def change(spec: Json) -> Json:
        labels = spec.get("Labels") or {}
        count = max(int(labels.get(RECOVERY_LABEL, "0")) + 1, int(time.time()))
        return {**spec, "Labels": {**labels, RECOVERY_LABEL: str(count), **more}}

    change_swarm(engine, change)


@dataclass(frozen=True)
class MarkRecovered:
    """Do what a recovery that was cut off after its force did not: by the mark it is known who missed it."""

    step: Step

    def run(self, context: Context) -> str:
        reached = context.reached(self.step.target)
        mark_recovered(reached.engine, {})
        return _heard(reached, reached.engine.unlock_key(), "").removeprefix("; ")


@dataclass(frozen=True)
class AnnounceIngress:
    """Let the other nodes learn of a survivor's published ports, once none of them can make a second swarm any more."""

    step: Step

    def run(self, context: Context) -> str:
        reached = context.reached(self.step.target)
        key = reached.engine.unlock_key()

        def wait() -> None:
            wait_for_locking_manager(reached, key)

        # An engine that was started again, and unlocked, may hear nobody: see started_engine.
        return announce_ingress(reached, wait) + start_network_agent(reached, wait)


def _heard(reached: ReachedHost, key: Secret, ingress: str) -> str:
    """See that the engine hears other nodes and tells them of its *ingress*; return what had to be done for it."""

    def wait() -> None:
        wait_for_locking_manager(reached, key)

    told = f"; {announce_ingress(reached, wait)}" if is_unannounced(reached, ingress) else ""
    return told + start_network_agent(reached, wait)


def _check_address(reached: ReachedHost, advertised: str) -> None:
    """See that the engine, and its raft, by which nodes find their managers, have the address that was asked for.

    An engine that is told to force a new cluster with another address leaves the old one in the raft.
    """
    node = reached.engine.info()["Swarm"]
    manager = reached.engine.inspect("nodes", str(node["NodeID"]))["ManagerStatus"]
    raft = str(manager["Addr"]).rpartition(":")[0].strip("[]")
    if node["NodeAddr"] != advertised or raft != advertised:
        raise SwarmkitError(
            f"{reached.host.name}: other nodes would look for it at another address than {advertised}",
            f"its engine has {node['NodeAddr']}, its raft {raft}",
            f"give the host the address {raft} back; or take a backup, and restore it with --new-addresses",
        )


@dataclass(frozen=True)
class RemoveOldManagers:
    """Take out every manager's entry that is no member of the raft: what comes back with the old one is a stranger.

    They are removed as they are: an engine refuses to demote who is no member (moby/swarmkit controlapi/node.go).
    """

    step: Step
    known: frozenset[str] | None = None
    """The ids of their entries. None right after a force: nobody else is a member then, whether the new leader has
    noticed that they are down or not."""

    def run(self, context: Context) -> str:
        manager = context.manager
        strangers = no_members(map(parse.node, manager.find("nodes")))
        old = [node for node in strangers if self.known is None or node.id in self.known]
        for node in old:
            manager.remove("nodes", node.id, force=True)
        left = {item["ID"] for item in manager.find("nodes")} & {node.id for node in old}
        if left:
            raise NotConvergedError(f"{len(left)} entries of old managers are still there", "", "run the same again")
        return ", ".join(f"{node.hostname} ({node.id[:12]})" for node in old)
