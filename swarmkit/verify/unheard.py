"""What of a proof's packets deserves a second try: it was sent, and not heard; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from swarmkit.verify.encryption.injection import attempts
from swarmkit.verify.probe.cable import Cable
from swarmkit.verify.probe.parcels import Parcels
from swarmkit.verify.ways.gossip import hears
from swarmkit.verify.ways.payloads import deliveries


def unheard(parcels: Parcels, cables: Mapping[str, Cable]) -> Parcels:
    """Return those of *parcels* that nothing was heard of, or not all; only hosts that they concern have wishes then.

    All packets of a path go again, for the one to a VIP is awaited by nobody. What the kernel refused to send does not,
    nor what must not arrive. Clear frames that never came to a host go again where its other packets do: alone they are
    what a firewall on the way drops.
    """
    silent = [one.parcel for one in deliveries(parcels.parcels, cables) if not one.arrived and not one.unsent]
    paths = {parcel.path for parcel in silent}
    again = tuple(parcel for parcel in parcels.parcels if parcel.path in paths)
    ways = tuple(way for way in parcels.ways if hears(way, cables, parcels.speaking) is False)
    hosts = {spot.host for parcel in again for spot in (parcel.spot, *parcel.hearers)}
    hosts |= {host for way in ways for host in (way.source, way.target)}
    untried = [one.injection for one in attempts(parcels.injections, cables) if not one.is_tried]
    injections = tuple(one for one in untried if {one.sender, one.receiver} & hosts)
    hosts |= {host for one in injections for host in (one.sender, one.receiver)}
    watches = {host: wish for host, wish in parcels.watches.items() if host in hosts}
    return replace(parcels, parcels=again, trespasses=(), injections=injections, ways=ways, watches=watches)
