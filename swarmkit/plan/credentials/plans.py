"""Planning what shall become of a swarm's credentials; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Observed
from swarmkit.plan.credentials.operations import (
    KeepUnlockKey,
    KeyFile,
    RotateCa,
    RotateTokens,
    RotateUnlockKey,
    SetAutolock,
    StartNetworkAgent,
    Unlock,
)
from swarmkit.plan.model import Operation, Plan, Step
from swarmkit.plan.nodes.unfinished_joins import is_unfinished
from swarmkit.plan.refusals import host_refusals
from swarmkit.secret import Secret

Change = Literal["tokens", "ca", "unlock-key", "autolock-on", "autolock-off"]


def credential_plan(inventory: Inventory, observed: Observed, change: Change, key_file: KeyFile | None = None) -> Plan:
    """Return the plan for *change*; a key that it makes goes to *key_file*, which may not be there yet."""
    refusals = [finding for finding in host_refusals(inventory, observed, adopt=False) if finding.code == "H49"]
    cluster = observed.cluster
    if cluster is None:
        why = observed.cluster_error or "no host of the inventory is a manager of a swarm"
        return Plan((), (*refusals, Finding("H54", "error", "swarm", "there is no swarm to change", why)))
    locks = bool((cluster.spec.get("EncryptionConfig") or {}).get("AutoLockManagers"))
    refusals += _refusals(cluster, change, key_file, locks=locks)
    if refusals:
        return Plan((), tuple(refusals))
    operation = _operation(cluster, change, key_file, locks=locks)
    return Plan((operation,) if operation else (), (), tuple(_warnings(inventory, change)))


def unlock_plan(observed: Observed, keys: Sequence[Secret], silent: Mapping[str, Exception] | None = None) -> Plan:
    """Return the plan that unlocks every locked manager, side by side: none of them can do anything alone.

    The hosts that are *silent*, each with why, are told: one of them may be locked as well.
    """
    locked = [name for name, facts in observed.hosts.items() if facts.engine.swarm_state == "locked"]
    reason = "it is locked since its start"
    steps = [Step(f"unlock:{name}", "node", "update", name, "unlock", reason) for name in locked]
    agents = _agents(locked, frozenset(step.key for step in steps))
    warnings = tuple(
        Finding(
            "D11", "warning", name, "it does not answer", str(why), "if it is a manager: unlock again when it is back"
        )
        for name, why in (silent or {}).items()
    )
    return Plan((*(Unlock(step, tuple(keys)) for step in steps), *agents), warnings=warnings)


def _agents(hosts: Sequence[str], after: frozenset[str]) -> Iterator[Operation]:
    """Yield one operation after another: an engine that has to be started again must not take the quorum away."""
    for name in hosts:
        step = Step(f"agent:{name}", "node", "wait", name, "see that it hears the other nodes", "", after)
        after = frozenset({step.key})
        yield StartNetworkAgent(step)


def _operation(cluster: ClusterState, change: Change, key_file: KeyFile | None, *, locks: bool) -> Operation | None:
    def step(summary: str) -> Step:
        return Step(f"swarm:{change}", "swarm", "update", cluster.told_by, summary, "asked for")

    if change == "tokens":
        return RotateTokens(step("rotate both join tokens"))
    if change == "ca":
        return RotateCa(step(f"rotate the CA and the certificates of {len(cluster.nodes)} nodes"))
    if change == "unlock-key" and key_file:
        return RotateUnlockKey(step("rotate the unlock key"), key_file)
    if change == "autolock-on" and not locks:
        return SetAutolock(step("lock the managers whenever they start"), on=True, key_file=key_file)
    if change == "autolock-on" and key_file and key_file.unfinished:
        what = "keep the unlock key that is in force"
        return KeepUnlockKey(replace(step(what), reason="an earlier run was cut off before it was kept"), key_file)
    if change == "autolock-off" and locks:
        return SetAutolock(step("let the managers start unlocked"), on=False)
    return None


def _refusals(cluster: ClusterState, change: Change, key_file: KeyFile | None, *, locks: bool) -> Iterator[Finding]:
    if change == "unlock-key" and not locks:
        yield Finding("H60", "error", "swarm", "the managers do not lock, so there is no key to rotate", "",
                      "run: swarmkit autolock on")  # fmt: skip
    if key_file and key_file.path.exists() and key_file.path not in key_file.unfinished:
        yield Finding("H60", "error", "swarm", f"{key_file.path} is there already, and may hold an older key", "",
                      "name a new file: a backup needs the key of its own day")  # fmt: skip
    away = [node for node in cluster.nodes if node.state != "ready"]
    if change == "ca" and away:
        remedies = ["bring them back, or remove them with swarmkit up --remove-nodes"]
        if unnamed := [node.name for node in away if is_unfinished(node)]:
            # What a join left that never ended holds a rotation up as well: it never gets a certificate.
            remedy = f"{', '.join(unnamed)} is what a join left that never ended: swarmkit up removes it"
            remedies = [remedy] if len(unnamed) == len(away) else [remedy, *remedies]
        yield Finding("H63", "error", ", ".join(node.name for node in away),
                      "not ready, so a rotation of the CA would not end", "", "; ".join(remedies))  # fmt: skip


def _warnings(inventory: Inventory, change: Change) -> Iterator[Finding]:
    if change.startswith("autolock") and inventory.autolock != (change == "autolock-on"):
        value = "true" if change == "autolock-on" else "false"
        yield Finding("H60", "warning", "swarm", "the inventory declares otherwise, for a swarm that is made anew", "",
                      f"set swarm_autolock: {value}")  # fmt: skip
