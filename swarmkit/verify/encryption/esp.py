"""Proofs of encryption between two hosts: kernel states, policies, and bytes that they count; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from swarmkit.finding import Finding
from swarmkit.observed.firewalls import Firewalls
from swarmkit.observed.model import Observed
from swarmkit.plan.networks.firewall_rules import ESP, let_in
from swarmkit.verify import codes
from swarmkit.verify.encryption.xfrm import DOCKER_MARK, EspPolicy, Ipsec, grown, new_errors, refused


@dataclass(frozen=True)
class HostIpsec:
    """A host's encryption before and after the probes."""

    before: Ipsec
    after: Ipsec
    policies: tuple[EspPolicy, ...]


@dataclass(frozen=True)
class Esp:
    """The encryption of all hosts that could be looked at, and the addresses by which peers know them."""

    hosts: Mapping[str, HostIpsec]
    addresses: Mapping[str, frozenset[str]]

    def spis(self, at: str, source: str, destination: str) -> frozenset[int]:
        """Return the SPIs that host *at* holds for traffic from *source* to *destination*, by host name."""
        return frozenset(
            state.spi
            for state in self.hosts[at].after.states
            if state.source in self.addresses[source] and state.destination in self.addresses[destination]
        )

    def has_policy(self, source: str, destination: str) -> bool:
        return any(
            policy.mark == DOCKER_MARK and policy.destination in self.addresses[destination]
            for policy in self.hosts[source].policies
        )

    def ends(self, source: str, destination: str) -> tuple[str, str] | None:
        """Return the addresses between which *source* encrypts to *destination*; None where it holds no state."""
        return next(
            (
                (state.source, state.destination)
                for state in self.hosts[source].after.states
                if state.source in self.addresses[source] and state.destination in self.addresses[destination]
            ),
            None,
        )

    def bytes_counted(self, at: str, source: str, destination: str) -> int:
        return self._between(grown(self.hosts[at].before, self.hosts[at].after), source, destination)

    def refused_at(self, destination: str, source: str) -> int:
        """Return how many packets *destination* got from *source* that it could not decrypt."""
        seen = self.hosts[destination]
        return self._between(refused(seen.before, seen.after), source, destination)

    def _between(self, growth: Mapping[tuple[str, str], int], source: str, destination: str) -> int:
        return sum(
            more
            for ends, more in growth.items()
            if ends[0] in self.addresses[source] and ends[1] in self.addresses[destination]
        )


def own_addresses(observed: Observed) -> dict[str, frozenset[str]]:
    """Return each host's addresses that no other host has: bridges of Docker's carry the same on all."""
    all_of = {name: frozenset(facts.system.addresses) for name, facts in observed.hosts.items()}
    return {
        name: addresses - frozenset[str]().union(*(others for other, others in all_of.items() if other != name))
        for name, addresses in all_of.items()
    }


def prove_direction(
    esp: Esp, source: str, destination: str, firewalls: Mapping[str, Firewalls], *, is_ruled: bool = False
) -> Iterator[Finding]:
    """Find what is missing for encrypted traffic from *source* to *destination*; nothing found is a proof.

    *firewalls* are those of both, by name; where *is_ruled* something is told of the rules of *source*.
    """
    where = f"{source} -> {destination}"
    missing = _missing(esp, source, destination)
    if missing:
        hosts = " and ".join(sorted({host for host, _ in missing}))
        yield Finding(
            codes.ESP_STATE,
            "error",
            where,
            f"the kernels are not set up to encrypt from {source} to {destination}",
            evidence="; ".join(what for _, what in missing),
            remedy=f"on {hosts}: systemctl restart docker (unless it started there within the last minute: it makes "
            "them still); compare docker version on both hosts",
        )
        return
    sent = esp.bytes_counted(source, source, destination)
    received = esp.bytes_counted(destination, source, destination)
    if not sent:
        yield Finding(
            codes.ESP_TRAFFIC,
            "error",
            where,
            f"nothing was encrypted from {source} to {destination} while the probes ran",
            evidence=f"the ESP states of {source} to {destination} count no more bytes than before",
            remedy=marks_anew([source], {source} if is_ruled else (), firewalls),
        )
    elif not received:
        yield _nothing_received(esp, source, destination, firewalls[destination])


def marks_anew(hosts: Sequence[str], told: Collection[str], firewalls: Mapping[str, Firewalls]) -> str:
    """Return what has the frames of *hosts* marked again: what is *told* of their rules, else a restart.

    None helps against a chain of nftables' own that takes the mark away: where there is one it is to be read first.
    """
    where = " and ".join(hosts)
    if {*hosts} <= {*told}:
        return f"first do what {codes.FIREWALL} says of {where}"
    restart = f"on {where}: systemctl restart docker (makes marks, states and policies anew)"
    lists = [
        f"on {host}: nft list chain {chain}" for host in hosts if host in firewalls for chain in firewalls[host].sending
    ]
    if not lists:
        return restart
    read = ", ".join(lists)
    return (
        f"see first whether a rule of others sets another mark or accepts what leaves, {read}; if none does, {restart}"
    )


def _nothing_received(esp: Esp, source: str, destination: str, firewalls: Firewalls) -> Finding:
    where, sent = f"{source} -> {destination}", esp.bytes_counted(source, source, destination)
    if packets := esp.refused_at(destination, source):
        return Finding(
            codes.ESP_TRAFFIC,
            "error",
            where,
            f"{destination} cannot decrypt what {source} encrypts: it arrives, and their keys are not the same",
            evidence=f"{source} sent {sent} bytes by ESP, {destination} got {packets} packets that its key does not "
            "fit, and decrypted none",
            remedy=f"on {destination}: systemctl restart docker; if that is not enough, the same on {source}",
        )
    return Finding(
        codes.ESP_TRAFFIC,
        "error",
        where,
        f"{destination} receives nothing that {source} encrypts: IP protocol 50 (ESP) does not get through",
        evidence=f"{source} sent {sent} bytes by ESP, {destination} decrypted none",
        remedy=let_in([ESP], (esp.ends(source, destination) or ("PEER",))[0], destination, firewalls),
    )


def _missing(esp: Esp, source: str, destination: str) -> list[tuple[str, str]]:
    """Return what is missing, each with the host that lacks it."""
    missing = []
    out, known = esp.spis(source, source, destination), esp.spis(destination, source, destination)
    if not out:
        missing.append((source, f"{source} holds no ESP state to {destination}"))
    if not known:
        missing.append((destination, f"{destination} holds no ESP state from {source}"))
    if not esp.has_policy(source, destination):
        missing.append((source, f"{source} has no policy with mark {DOCKER_MARK:#x} to {destination}"))
    if out and known and not out & known:
        # Engines 29.0.0 to 29.2.0, and 25.0.14, number states unlike all others (HAZARDS 0.1 #2).
        sent, held = (", ".join(f"{spi:#x}" for spi in sorted(spis)) for spis in (out, known))
        missing.append((destination, f"{source} sends with SPI {sent}, {destination} knows {held}"))
    return missing


def prove_no_errors(host: str, ipsec: HostIpsec) -> Iterator[Finding]:
    """Find the kernel's IPsec error counters that grew while the probes ran."""
    errors = new_errors(ipsec.before, ipsec.after)
    if errors:
        yield Finding(
            codes.ESP_ERRORS,
            "error",
            host,
            f"the kernel of {host} counted IPsec errors while the probes ran",
            evidence=", ".join(f"{name} +{more}" for name, more in errors.items()) + " (/proc/net/xfrm_stat)",
            remedy=f"on {host}: systemctl restart docker; compare docker version on all hosts",
        )


def traffic(esp: Esp, pair: Sequence[str]) -> str:
    """Return the evidence of a proved pair: what each host counted, not at quite the same moment."""
    first, second = pair
    return "; ".join(
        f"{host} counted {esp.bytes_counted(host, host, peer)} bytes of ESP to {peer} "
        f"and {esp.bytes_counted(host, peer, host)} from it"
        for host, peer in ((first, second), (second, first))
    )
