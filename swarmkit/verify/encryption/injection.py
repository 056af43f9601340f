"""Proofs against injection: a clear frame of an encrypted network, made outside of IPsec, enters no container; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from swarmkit.finding import BROKEN, Finding
from swarmkit.verify import codes
from swarmkit.verify.probe.cable import Cable
from swarmkit.verify.probe.parcels import Injection, Untried


@dataclass(frozen=True)
class Attempt:
    """An injection and what became of it."""

    injection: Injection
    arrived: int
    """Frames seen at the receiver's interface, before its firewall."""
    entered: bool
    """Whether a container saw one."""
    why_untried: str = ""
    """Why neither is known, or empty."""

    @property
    def is_tried(self) -> bool:
        return self.entered or (bool(self.arrived) and not self.why_untried)


def attempts(injections: Iterable[Injection], cables: Mapping[str, Cable]) -> tuple[Attempt, ...]:
    """Return what became of each injection."""
    heard = {key for cable in cables.values() for _, key in cable.heard}
    found = []
    for injection in injections:
        receiver = cables.get(injection.receiver, Cable())
        arrived = receiver.injected.get((injection.sender_address, injection.vni), 0)
        found.append(Attempt(injection, arrived, injection.key in heard, _why_untried(injection, cables)))
    return tuple(found)


def _why_untried(injection: Injection, cables: Mapping[str, Cable]) -> str:
    for host in (injection.sender, injection.receiver):
        cable = cables.get(host)
        if cable is None or cable.why_blind:
            return f"the probes of {host} did not run" + (f": {cable.why_blind}" if cable else "")
    return ""


def prove_injections(tried: Iterable[Attempt], untried: Iterable[Untried]) -> Iterator[Finding]:
    """Prove for each encrypted network and host that clear frames that come to it are dropped there."""
    for one in untried:
        yield _not_tried(one.network.name, one.host, one.why)
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
            what = f"{BROKEN}: a clear frame from {origin} enters the encrypted network {network} on {receiver}"
            remedy = (
                f"on {receiver}: systemctl restart docker (makes the rule that drops them anew); "
                "if it stays: iptables -w -S INPUT shows what accepts them before that rule"
            )
            yield Finding(codes.INJECTION, "error", where, what, evidence, remedy)
        elif attempt.is_tried:
            what = f"clear frames that are sent to {receiver} for {network} are dropped there"
            yield Finding(codes.INJECTION, "ok", where, what, f"{evidence}; no container saw one")
        else:
            why = attempt.why_untried or f"sent by {origin}, none came to its interface"
            yield _not_tried(network, receiver, why)


def _not_tried(network: str, host: str, why: str) -> Finding:
    what = f"that {host} drops clear frames for {network} was not tried"
    remedy = (
        f"first do what other findings say of {host}; none where a firewall on the way drops such frames: "
        "the rule of the host itself is proved by V10"
    )
    return Finding(codes.INJECTION, "warning", f"{network} on {host}", what, why, remedy)
