"""Operations that make a swarm and its nodes: init, join, labels and roles.

Each is one action. Init and join read back what came of them; what the others did, the next look reads back. None is
ever retried but a join that was refused because the swarm's root certificate changed under it, and a change of a node
that the engine refused, having done nothing, because another one came before it.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from swarmkit.errors import SwarmkitError
from swarmkit.observed.parse import swarm_state
from swarmkit.plan.context import Context
from swarmkit.plan.model import Step
from swarmkit.plan.nodes.changed_swarm import label_swarm
from swarmkit.plan.nodes.unfinished_joins import CERTIFICATE_SECONDS, forget_others
from swarmkit.reach.engine import Engine, EngineError, Json
from swarmkit.reach.retry import wait_until
from swarmkit.reach.ssh import CommandTimeoutError, ConnectionLostError

JOIN_TIMEOUT_SECONDS = 90.0
# Optimistic locking: the engine did nothing, so reading again and deciding again is no blind retry.
_OUT_OF_SEQUENCE = "update out of sequence"
# moby/swarmkit ca/certificates.go: ValidateCertChain of what was signed, GetRemoteCA.
_ANOTHER_ROOT = ("certificate signed by unknown authority", "remote CA does not match fingerprint")


@dataclass(frozen=True)
class InitSwarm:
    step: Step
    body: Mapping[str, Any]

    def run(self, context: Context) -> str:
        context.manager.init_swarm(dict(self.body))
        info = _wait_for_membership(context.manager, "initialising the swarm")
        if not info["Swarm"].get("ControlAvailable"):
            raise SwarmkitError(f"{self.step.target}: not a manager after initialising the swarm")
        return f"node {info['Swarm']['NodeID'][:12]}"


@dataclass(frozen=True)
class AdoptSwarm:
    """Label a swarm that others made as this inventory's, so that later runs know it."""

    step: Step
    labels: Mapping[str, str]

    def run(self, context: Context) -> str:
        label_swarm(context.manager, self.labels)
        return ""


@dataclass(frozen=True)
class JoinNode:
    """Join a host; one that times out may still finish by itself (moby daemon/cluster/errors.go), so wait and look."""

    step: Step
    role: str
    body: Mapping[str, Any]
    """The API's body without the token, which is asked for at run time and never shown."""

    def run(self, context: Context) -> str:
        engine, began = context.reached(self.step.target).engine, time.monotonic()
        was_refused = False
        try:
            self._join(context, engine)
        except EngineError as error:
            if not _root_changed(error) or engine.info()["Swarm"].get("LocalNodeState") != "inactive":
                raise
            # The refused join left the engine bare; what it asked for may stay as an entry that nobody is.
            was_refused = True
            context.forget_join_tokens()
            self._join(context, engine)
        info = _wait_for_membership(engine, f"joining as {self.role}")
        node_id = str(info["Swarm"]["NodeID"])
        if self.role == "manager":
            wait_until_reachable(context, self.step.target, node_id)
        if was_refused or time.monotonic() - began > CERTIFICATE_SECONDS:
            forget_others(context.manager, node_id)
        return f"node {node_id[:12]}"

    def _join(self, context: Context, engine: Engine) -> None:
        try:
            engine.join_swarm({**self.body, "JoinToken": context.join_token(self.role).text()})
        except EngineError as error:
            if "Timeout was reached" not in error.message:
                raise


def _root_changed(error: EngineError) -> bool:
    """Whether a join failed between two root certificates of the swarm: of the token, or of the one just downloaded."""
    return any(said in error.message for said in _ANOTHER_ROOT)


def wait_until_reachable(context: Context, target: str, node_id: str) -> None:
    """The next manager may come only when this one counts: one at a time keeps the quorum (HAZARDS 0.1 #8)."""
    status = wait_until(
        lambda: context.manager.inspect("nodes", node_id).get("ManagerStatus") or {},
        lambda value: value.get("Reachability") == "reachable",
        timeout_seconds=JOIN_TIMEOUT_SECONDS,
        retry_on=(EngineError,),
    )
    if status.get("Reachability") != "reachable":
        raise SwarmkitError(
            f"{target}: is to be a manager but is not reachable",
            f"waited {JOIN_TIMEOUT_SECONDS:g} s for the leader to reach port 2377 of {target}",
            f"open tcp/2377 on {target} for the other managers",
        )


def _wait_for_membership(engine: Engine, doing: str) -> Json:
    info = wait_until(
        engine.info,
        lambda value: swarm_state(value) in ("active", "error", "locked"),
        timeout_seconds=JOIN_TIMEOUT_SECONDS,
        retry_on=(ConnectionLostError, CommandTimeoutError),
    )
    state = swarm_state(info)
    if state != "active":
        raise SwarmkitError(
            f"{engine.host}: {doing} did not succeed, its node state is {state}",
            str(info["Swarm"].get("Error", "")) or f"waited {JOIN_TIMEOUT_SECONDS:g} s for it to be active",
            f"see: journalctl -u docker on {engine.host}; the join may still finish, so run the same command again",
        )
    return info


@dataclass(frozen=True)
class UpdateNode:
    """Give a node its labels and availability; labels that are not declared stay as they are."""

    step: Step
    labels: Mapping[str, str]
    availability: str

    def run(self, context: Context) -> str:
        node_id = str(context.reached(self.step.target).engine.info()["Swarm"]["NodeID"])
        change_node(context.manager, node_id, availability=self.availability, labels=self.labels)
        return ""


def change_node(
    manager: Engine,
    node_id: str,
    *,
    role: str = "",
    availability: str = "",
    labels: Mapping[str, str] | None = None,
    without: Collection[str] = (),
) -> None:
    """Lay what is given over the node's spec, at the version that was read; labels *without* are taken off."""
    for _ in range(10):
        node = manager.inspect("nodes", node_id)
        kept = {key: value for key, value in (node["Spec"].get("Labels") or {}).items() if key not in without}
        spec = {**node["Spec"], "Labels": {**kept, **(labels or {})}}
        spec |= {key: value for key, value in (("Role", role), ("Availability", availability)) if value}
        try:
            manager.update("nodes", node_id, int(node["Version"]["Index"]), spec)
        except EngineError as error:
            if _OUT_OF_SEQUENCE not in error.message:
                raise
            continue
        return
    raise SwarmkitError(f"node {node_id[:12]} changes all the time", "ten updates were out of sequence")
