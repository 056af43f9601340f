"""Proofs of payload: marked packets, small and of full size, arrive inside the containers they are sent to; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from swarmkit.declared.stack.service import MTU_OPTION
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, NetworkState
from swarmkit.plan.networks.ingress import publishing
from swarmkit.plan.networks.ingress_mtu import new_ingress_lines
from swarmkit.verify import codes
from swarmkit.verify.live import Live
from swarmkit.verify.probe.cable import Cable
from swarmkit.verify.probe.parcels import Parcel
from swarmkit.verify.probe.probes import Path

_MTU_REMEDY = (
    "find the path's MTU between the hosts (ping -M do -s SIZE PEER) and set it for the network in the stack file: "
    f"driver_opts: {{{MTU_OPTION}: MTU}}"
)


@dataclass(frozen=True)
class Delivery:
    """A parcel and what of it was heard by a receiver."""

    parcel: Parcel
    sizes: Mapping[str, int]
    """``small``, ``full`` -> bytes, as heard."""
    unsent: str = ""

    @property
    def arrived(self) -> bool:
        return {"small", "full"} <= self.sizes.keys()

    def __str__(self) -> str:
        where = f"{self.parcel.address} ({self.parcel.label})"
        if self.arrived:
            return f"{where} heard {self.sizes['small']} and {self.sizes['full']} bytes"
        why = self.unsent or "not heard there"
        return f"{where}: " + ", ".join(f"{size} {why}" for size in ("small", "full") if size not in self.sizes)


def deliveries(parcels: Iterable[Parcel], cables: Mapping[str, Cable]) -> tuple[Delivery, ...]:
    """Return how each parcel fared; one that could not be tried is left out."""
    return tuple(found for parcel in parcels if (found := _delivery(parcel, cables)))


def _delivery(parcel: Parcel, cables: Mapping[str, Cable]) -> Delivery | None:
    sender = cables.get(parcel.spot.host)
    if sender is None or sender.why_blind or parcel.spot.place in sender.lost:
        return None
    sizes: dict[str, int] = {}
    for spot in parcel.hearers:
        hearer = cables.get(spot.host)
        if hearer is None or hearer.why_blind or spot.place in hearer.lost:
            return None
        sizes |= hearer.heard.get((spot.place, parcel.key), {})
    return Delivery(parcel, sizes, sender.unsent.get(parcel.key, ""))


def prove_payloads(delivered: Iterable[Delivery], live: Live, cluster: ClusterState) -> Iterator[Finding]:
    """Prove for each path that small and full-size packets arrive that may not be fragmented."""
    by_path: dict[Path, list[Delivery]] = {}
    for delivery in delivered:
        by_path.setdefault(delivery.parcel.path, []).append(delivery)
    for path, of_path in by_path.items():
        wrong = [delivery for delivery in of_path if not delivery.arrived]
        where = f"{path.source}@{path.host} -> {path.target}"
        if not wrong:
            what = f"payloads of any size get from {path.source} on {path.host} to {path.target} on {path.network}"
            yield Finding(codes.PAYLOAD, "ok", where, what, evidence="; ".join(map(str, of_path)))
            continue
        is_size = all("small" in delivery.sizes for delivery in wrong)
        which = "packets of full size do not" if is_size else "packets do not"
        yield Finding(
            codes.PAYLOAD,
            "error",
            where,
            f"{which} get from {path.source} on {path.host} to {path.target} on {path.network}",
            evidence="; ".join(map(str, wrong)),
            remedy=_remedy(path, live.ingress, cluster)
            if is_size
            else "first do what the findings of the two hosts say",
        )


def _remedy(path: Path, ingress: NetworkState | None, cluster: ClusterState) -> str:
    """Return how the network gets another MTU."""
    if path.source != "ingress" or ingress is None:
        return _MTU_REMEDY
    services = {path.target, *publishing(cluster)}
    host = cluster.told_by
    return (
        "find the path's MTU between the hosts (ping -M do -s SIZE PEER; 28 more than the largest SIZE that passes); "
        + new_ingress_lines(host, services=services, mtu="MTU", encrypted=ingress.encrypted, name=ingress.name)
    )
