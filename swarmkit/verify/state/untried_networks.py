"""Encrypted networks of tasks that do not run: what is known of them where the tasks shall run; pure.

No way of a task that does not run is proved, and one may be why: a health check that asks another host fails where the
kernel has no ESP, or where it is dropped on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from swarmkit.observed.model import ClusterState, Observed
from swarmkit.verify.live import Live, LiveService

_UNSENT = ("new", "pending")
"""States of tasks that no host was given: why not is for the manager to tell."""


@dataclass(frozen=True)
class Untried:
    """A network of which nothing is proved on a host that shall run a task on it."""

    network: str
    host: str

    def __str__(self) -> str:
        return (
            f"it shall run on {self.host}, where no task is on its encrypted network {self.network}: whether ESP gets "
            "from and to there was not tried"
        )


def untried_networks(live: Live, cluster: ClusterState, observed: Observed) -> dict[str, tuple[Untried, ...]]:
    """Return by service what its tasks that do not run leave untried."""
    hosts = {facts.engine.node_id: name for name, facts in observed.hosts.items() if facts.engine.node_id}
    encrypted = {network.id: network.name for network in cluster.networks if network.encrypted}
    return {service.name: tuple(_of(service, live, hosts, encrypted)) for service in live.services if service.waiting}


def _of(service: LiveService, live: Live, hosts: Mapping[str, str], encrypted: Mapping[str, str]) -> list[Untried]:
    sent = (task for task in service.waiting if task.state not in _UNSENT)
    awaiting = sorted({hosts[task.node_id] for task in sent if task.node_id in hosts})
    return [
        Untried(name, host)
        for identity, name in encrypted.items()
        if identity in service.aliases
        for host in awaiting
        if host not in live.carriers(identity)
    ]


def lacking_for(untried: Sequence[Untried]) -> str:
    """Return what to look for as the cause of tasks that do not run, as the end of a remedy."""
    hosts = ", ".join(dict.fromkeys(one.host for one in untried))
    if not hosts:
        return "; what its host may lack, such as ESP: swarmkit doctor"
    return f"; what {hosts} may lack for ESP (H04), and where it is dropped on the way (H06): swarmkit doctor"
