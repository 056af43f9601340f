"""Proofs against injection: a clear frame of an encrypted network, made outside of IPsec, enters no container; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from swarmkit.finding import Finding
from swarmkit.verify import codes
from swarmkit.verify.cable import Cable
from swarmkit.verify.parcels import Injection


@dataclass(frozen=True)
class Attempt:
    """An injection and what became of it."""

    injection: Injection
    arrived: int
    """Frames seen at the receiver's interface, before its firewall."""
    entered: bool
    """Whether a container saw one."""


def attempts(injections: Iterable[Injection], cables: Mapping[str, Cable]) -> tuple[Attempt, ...]:
    """Return what became of each injection whose receiver could be watched."""
    found = []
    for injection in injections:
        sender, receiver = cables.get(injection.sender), cables.get(injection.receiver)
        if sender is None or receiver is None or sender.why_blind or receiver.why_blind:
            continue
        arrived = receiver.injected.get((injection.sender_address, injection.vni), 0)
        entered = any(key == injection.key for cable in cables.values() for _, key in cable.heard)
        found.append(Attempt(injection, arrived, entered))
    return tuple(found)


def prove_injections(tried: Iterable[Attempt]) -> Iterator[Finding]:
    """Prove for each encrypted network and host that clear frames that come to it are dropped there."""
    for attempt in tried:
        injection = attempt.injection
        network, receiver = injection.network.name, injection.receiver
        where = f"{network} on {receiver}"
        origin = injection.sender if injection.is_member else f"{injection.sender}, which is outside of the swarm"
        evidence = (
            f"{attempt.arrived} frames of VNI {injection.vni} from {injection.sender_address} came to the interface of "
            f"{receiver}, made by {origin}, outside of its IPsec"
        ) + ("; no host outside of the swarm could send them" if injection.is_member else "")
        if attempt.entered:
            what = f"broken: a clear frame from {origin} enters the encrypted network {network} on {receiver}"
            remedy = (
                f"on {receiver}: sudo systemctl restart docker (makes the rule that drops them anew); "
                "if it stays: sudo iptables -S INPUT shows what accepts them before that rule"
            )
            yield Finding(codes.INJECTION, "error", where, what, evidence, remedy)
        elif attempt.arrived:
            what = f"clear frames that are sent to {receiver} for {network} are dropped there"
            yield Finding(codes.INJECTION, "ok", where, what, f"{evidence}; no container saw one")
        else:
            what = f"that {receiver} drops clear frames for {network} was not tried: none came to its interface"
            remedy = "none where a firewall on the way drops them; the rule of the host itself is proved by V10"
            yield Finding(codes.INJECTION, "warning", where, what, f"sent by {origin}", remedy)
