"""Ways on which an overlay's frames get lost at the data-path port while all else arrives; pure.

The kernel decrypts ESP first, and its firewall sees what was in it once more, as UDP to the data-path port: a rule
against that drops what V11 counted as decrypted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from swarmkit.observed.firewalls import Firewalls
from swarmkit.plan.networks.firewall_rules import let_in
from swarmkit.verify.encryption.kernels import Kernels
from swarmkit.verify.ways.payloads import Delivery


@dataclass(frozen=True)
class DataPath:
    """The port of an overlay's frames, and where they get lost there."""

    port: int
    closed: Mapping[tuple[str, str], str]
    """(source, destination) by host name -> what lets the frames in."""

    def remedy(self, hosts: Iterable[tuple[str, str]]) -> str:
        """Return what opens the data path both ways between each two of *hosts*; empty where it is not closed."""
        ways = dict.fromkeys(way for pair in hosts for way in (pair, pair[::-1]))
        told = [
            f"frames from {source} get lost at udp/{self.port} of {destination}: {self.closed[source, destination]}"
            for source, destination in ways
            if (source, destination) in self.closed
        ]
        return "; ".join([*told, _BEHIND_DOCKERS] if told else [])


# An inserted rule accepts clear frames of encrypted overlays too, until Docker's own stand above it again.
_BEHIND_DOCKERS = "then swarmkit verify, whose V10 puts Docker's rules above it where needed"


def data_path(
    port: int,
    delivered: Iterable[Delivery],
    kernels: Kernels,
    addresses: Mapping[str, str],
    firewalls: Mapping[str, Firewalls],
) -> DataPath:
    """Return where of all packets *delivered* none arrived, though the kernels' encryption lacks nothing.

    *addresses* are those that the hosts' frames come from.
    """
    heard: dict[tuple[str, str], bool] = {}
    for delivery in delivered:
        parcel = delivery.parcel
        way = (parcel.spot.host, parcel.target_host)
        is_between = parcel.target_host not in ("", parcel.spot.host)
        if is_between and not delivery.unsent and (way in kernels.directions or not parcel.encrypted):
            heard[way] = heard.get(way, False) or bool(delivery.sizes)
    closed = {
        way: let_in([f"udp/{port}"], addresses[way[0]], way[1], firewalls[way[1]])
        for way, any_heard in heard.items()
        if not any_heard and not kernels.directions.get(way) and way[0] in addresses and way[1] in firewalls
    }
    return DataPath(port, closed)
