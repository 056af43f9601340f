"""The common cause of many findings: a link that is down, of an overlay on a host or inside a container; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from swarmkit.finding import Finding
from swarmkit.verify import codes
from swarmkit.verify.live import Live
from swarmkit.verify.probe.look import HostLook


@dataclass(frozen=True)
class DownLink:
    """What of a network is down on a host, for all of its containers or for one of *service*."""

    host: str
    network: str
    wrong: tuple[str, ...] = ()
    """Of the links in the network's namespace."""
    service: str = ""
    address: str = ""

    @property
    def finding(self) -> Finding:
        if not self.service:
            what = f"a link of {self.network} on {self.host} is down: nothing of the network passes by it"
            evidence = f"in the namespace that the engine keeps for the network {', '.join(self.wrong)}"
            remedy = f"on {self.host}: systemctl restart docker (makes its links anew; what runs there starts anew)"
            return Finding(codes.LINK, "error", f"{self.network} on {self.host}", what, evidence, remedy)
        what = f"a container of {self.service} on {self.host} has no way into {self.network}: its link is down"
        evidence = f"its address there is {self.address}, and it has no route to the network of that"
        remedy = f"docker service update --force {self.service}"
        return Finding(codes.LINK, "error", f"{self.service} on {self.host}", what, evidence, remedy)


def networks_on(live: Live, host: str) -> tuple[str, ...]:
    """Return the IDs of the overlay networks, ingress too, that tasks on *host* are on."""
    there = {network for task in live.tasks_on(host) for network in task.addresses}
    return tuple(sorted(there & _overlays(live).keys()))


def down_links(live: Live, looks: Mapping[str, HostLook]) -> Iterator[DownLink]:
    """Yield what is down on hosts that were looked at."""
    names = _overlays(live)
    for host, seen in looks.items():
        yield from (DownLink(host, names[network], down) for network, down in seen.down.items() if network in names)
        for task in live.tasks_on(host):
            if task.id not in seen.routes:
                continue
            for network in task.addresses.keys() & names.keys():
                for address in task.addresses[network]:
                    if not any(IPv4Address(address) in one for one in seen.routes[task.id]):
                        yield DownLink(host, names[network], service=task.service, address=address)


def _overlays(live: Live) -> dict[str, str]:
    names = {network.id: network.name for network in live.networks.values()}
    return names | ({live.ingress.id: live.ingress.name} if live.ingress else {})
