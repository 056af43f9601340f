"""What a stack's way back needs of nodes whose hosts do not answer; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from swarmkit.declared.stack.image_archive import names_registry
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Node
from swarmkit.plan.stacks.placement import node_may_run

_CODE = "H73"


def is_out_of_reach(spec: Mapping[str, Any], cluster: ClusterState, silent: Mapping[str, str]) -> bool:
    """Tell whether a service may run only on nodes that are not ready, of hosts that are *silent* (node ID -> host)."""
    places = _places(spec, cluster)
    return bool(places) and all(node.id in silent and node.state != "ready" for node in places)


def place_findings(
    name: str, spec: Mapping[str, Any], cluster: ClusterState, silent: Mapping[str, str]
) -> Iterator[Finding]:
    """Yield what is not known, or cannot be, of a service that is taken back and may run on hosts that are *silent*."""
    unseen = [node for node in _places(spec, cluster) if node.id in silent]
    hosts = ", ".join(silent[node.id] for node in unseen)
    image = str(spec["TaskTemplate"]["ContainerSpec"]["Image"])
    if is_out_of_reach(spec, cluster, silent):
        what = f"it can be taken back on {hosts} alone, which does not answer"
        states = ", ".join(f"{silent[node.id]} is {node.state}" for node in unseen)
        yield Finding(_CODE, "error", name, what, f"a manager says: {states}", f"bring {hosts} back, then roll back")
    elif unseen and not names_registry(image):
        what = f"whether {hosts} has the image that it ran is not known: it does not answer"
        yield Finding(_CODE, "warning", name, what, image, f"see there: docker image inspect {image}")


def lan_findings(lan: Mapping[str, Any], silent: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the hosts that are *silent* and would have to get their part of a LAN network again."""
    for host in sorted(set(lan["parts"]) & set(silent.values())):
        what = f"its part on {host} cannot be made again: {host} does not answer"
        yield Finding(_CODE, "error", str(lan["network"]["Name"]), what, "", f"bring {host} back, then roll back")


def _places(spec: Mapping[str, Any], cluster: ClusterState) -> list[Node]:
    return [node for node in cluster.nodes if node_may_run(spec, node)]
