"""The routing mesh's own network, made anew and encrypted where the inventory asks for it, before ports are published.

Docker makes ingress in clear and cannot change it. It can be removed while no service publishes a port through it, and
made again with any option of an overlay (moby/moby#31714). But an engine that had the old one keeps its end of it, or
none at all, until it starts anew (moby/moby#40184; seen on 26.1): so it is done while the swarm is one manager, which
is started again, and before others join, which get the new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from swarmkit.declared.inventory.host import Inventory
from swarmkit.errors import SwarmkitError
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, NetworkState
from swarmkit.plan.context import Context
from swarmkit.plan.engines.started_engine import wait_for_locking_manager
from swarmkit.plan.engines.unit import restart_engine
from swarmkit.plan.model import Step
from swarmkit.plan.stacks.spec_diff import VXLAN_NUMBERS, Change
from swarmkit.reach.engine import Engine, Json
from swarmkit.reach.retry import wait_until

INGRESS = "ingress:encrypt"
GONE_TIMEOUT_SECONDS = 60.0
THERE_TIMEOUT_SECONDS = 60.0
# The engine keeps a namespace of this name for each overlay that it has (moby libnetwork/drivers/overlay).
_HAS_IT = 'test -e "/run/docker/netns/1-$1" && test -e /run/docker/netns/ingress_sbox'


@dataclass(frozen=True)
class EncryptIngress:
    """Remove ingress, make it again, encrypted, start the only manager's engine anew, and see that it has it."""

    step: Step
    host: str

    def run(self, context: Context) -> str:
        reached = context.reached(self.host)
        engine = reached.engine
        old = _ingress(engine)
        if old is not None:
            engine.remove("networks", str(old["Id"]))
            wait_until(lambda: _ingress(engine), lambda found: found is None, timeout_seconds=GONE_TIMEOUT_SECONDS)
        made = engine.create("networks", _body(old))
        unlock_key = engine.unlock_key()
        done = restart_engine(reached)
        if done.exit_code != 0:
            raise SwarmkitError(f"{self.host}: docker could not be started again", done.stderr.strip()[-300:])
        wait_for_locking_manager(reached, unlock_key)
        found = _ingress(engine)
        if found is None or found["Id"] != made or "encrypted" not in (found.get("Options") or {}):
            raise SwarmkitError("ingress was made, and is not there encrypted", str(found and found.get("Options")))
        has_it = wait_until(
            lambda: reached.shell.run(_HAS_IT, (made[:10],), timeout_seconds=30.0).exit_code == 0,
            bool,
            timeout_seconds=THERE_TIMEOUT_SECONDS,
        )
        if not has_it:
            raise SwarmkitError(f"{self.host}: its engine did not take the new ingress up", "", "run the same again")
        return "its engine was started again"


def _body(old: Json | None) -> Json:
    old = old or {"Name": "ingress"}
    options = {key: value for key, value in (old.get("Options") or {}).items() if key != VXLAN_NUMBERS}
    return {
        "Name": old["Name"],
        "CheckDuplicate": True,
        "Driver": "overlay",
        "Scope": "swarm",
        "Ingress": True,
        "Options": {**options, "encrypted": ""},
        "Labels": dict(old.get("Labels") or {}),
    }


def _ingress(engine: Engine) -> Json | None:
    return next((network for network in engine.find("networks") if network.get("Ingress")), None)


def ingress_of(cluster: ClusterState) -> NetworkState | None:
    return next((network for network in cluster.networks if network.raw.get("Ingress")), None)


def publishing(cluster: ClusterState) -> list[str]:
    """Return the services that publish a port through ingress: while there is one it cannot be removed."""
    return [
        service.name
        for service in cluster.services
        if any(
            (port.get("PublishMode") or "ingress") == "ingress"
            for port in (service.spec.get("EndpointSpec") or {}).get("Ports") or ()
        )
    ]


def is_due(inventory: Inventory, cluster: ClusterState | None) -> bool:
    """Tell whether ingress shall be encrypted and is not."""
    if not inventory.encrypt_ingress:
        return False
    live = ingress_of(cluster) if cluster else None
    return live is None or not live.encrypted


def ingress_refusals(inventory: Inventory, cluster: ClusterState | None) -> Iterator[Finding]:
    """Yield that ingress cannot be made anew any more."""
    if cluster is None or not is_due(inventory, cluster) or _can_be_made(cluster):
        return
    services = publishing(cluster)
    what = "ingress shall be encrypted, and can only be made anew while the swarm is one manager that publishes nothing"
    evidence = f"{len(cluster.nodes)} nodes; published through it by {', '.join(services) or 'nothing'}"
    remedy = (
        "make the swarm anew: swarmkit down, then swarmkit up; or leave swarm_encrypt_ingress out, and publish with "
        "mode: host or speak TLS"
    )
    yield Finding("B45", "error", "ingress", what, evidence, remedy)


def _can_be_made(cluster: ClusterState) -> bool:
    return len(cluster.nodes) == 1 and not publishing(cluster)


def encrypt_ingress(
    inventory: Inventory, cluster: ClusterState | None, manager: str, after: frozenset[str]
) -> list[EncryptIngress]:
    """Return what makes ingress anew by *manager*, where that is due and can be."""
    if not is_due(inventory, cluster) or (cluster and not _can_be_made(cluster)):
        return []
    reason = "swarm_encrypt_ingress; Docker makes it in clear"
    changes = (Change("Options.encrypted", "false", "true"),) if cluster else ()
    step = Step(INGRESS, "network", "update", "ingress", "make ingress anew, encrypted", reason, after, changes)
    return [EncryptIngress(step, manager)]
