"""The verdict on each encrypted network and pair of hosts, from all that was read, counted and heard; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from swarmkit.finding import BROKEN, Finding
from swarmkit.observed.model import NetworkState
from swarmkit.proof import PairVerdict
from swarmkit.verify import codes
from swarmkit.verify.encryption.esp import Esp, traffic
from swarmkit.verify.encryption.injection import Attempt
from swarmkit.verify.encryption.kernels import Kernels
from swarmkit.verify.encryption.wire import WireSeen
from swarmkit.verify.live import Live
from swarmkit.verify.ways.payloads import Delivery


@dataclass(frozen=True)
class Judge:
    """Weighs what kernels hold, what the cable carried, and what containers heard."""

    live: Live
    kernels: Kernels
    esp: Esp
    wire: WireSeen
    delivered: tuple[Delivery, ...]
    tried: tuple[Attempt, ...]

    def verdicts(self, network: NetworkState) -> tuple[PairVerdict, ...]:
        """Return the verdict for each two hosts that carry *network*."""
        return tuple(self._verdict(network, *pair) for pair in self.live.pairs(network.id))

    def holds(self, network: NetworkState) -> bool:
        """Tell whether nothing speaks against the encryption of *network*; what was not watched does not."""
        carriers = self.live.carriers(network.id)
        if len(carriers) == 1:
            return not self.kernels.rules.get((network.id, carriers[0]), (None,))
        return not any(
            wrong
            for pair in self.live.pairs(network.id)
            for look in (self._broken, self._missing)
            for wrong in look(network, *pair)
        )

    def _codes_of_broken(self, network: NetworkState, first: str, second: str) -> list[str]:
        """Return the codes of what shows that it is open, and of what lets it be so: states, policies and rules."""
        found = [
            finding for pair in ((first, second), (second, first)) for finding in self.kernels.directions.get(pair, ())
        ]
        found += [finding for host in (first, second) for finding in self.kernels.rules.get((network.id, host), ())]
        causes = {one.code for one in found} & {codes.ESP_STATE, codes.FIREWALL}
        return sorted(causes | {code for code, _ in self._broken(network, first, second)})

    def _verdict(self, network: NetworkState, first: str, second: str) -> PairVerdict:
        broken = tuple(self._broken(network, first, second))
        if broken:
            return PairVerdict(first, second, "broken", tuple(broken_by for _, broken_by in broken))
        missing = (*self._missing(network, first, second), *self._unseen(network, first, second))
        return PairVerdict(first, second, "not proved" if missing else "proved", missing)

    def _broken(self, network: NetworkState, first: str, second: str) -> Iterator[tuple[str, str]]:
        """Yield what shows that it is open, each with the code that says what to do."""
        for host, peer in self.wire.ends(first, second):
            clear, marked = self.wire.clear(host, peer, network), self.wire.marked(host, peer)
            for source, target, count in ((host, peer, clear.sent), (peer, host, clear.received)):
                if count:
                    yield codes.WIRE, f"{count} clear frames from {source} to {target} seen at {host}"
            if marked.sent or marked.received:
                yield codes.WIRE, f"frames that show the probes' mark seen at {host}"
        for attempt in self.tried:
            injection = attempt.injection
            if attempt.entered and injection.network.id == network.id and injection.receiver in (first, second):
                yield codes.INJECTION, f"a clear frame enters on {injection.receiver}"

    def _missing(self, network: NetworkState, first: str, second: str) -> Iterator[str]:
        """Yield what contradicts the proof."""
        for pair in ((first, second), (second, first)):
            findings = self.kernels.directions.get(pair)
            if findings is None:
                unread = [host for host in pair if host not in self.esp.hosts] or pair
                yield f"the kernel{'s' * (len(unread) > 1)} of {' and '.join(unread)} could not be read"
                break
            yield from (f"{finding.code} {finding.where}" for finding in findings)
        for host in (first, second):
            yield from (f"{f.code} {f.where}" for f in self.kernels.rules.get((network.id, host), ()))
        for delivery in self._between(network, first, second):
            if not delivery.arrived:
                parcel = delivery.parcel
                yield f"packets of the probes from {parcel.spot.host} to {parcel.target_host}: {delivery}"

    def _unseen(self, network: NetworkState, first: str, second: str) -> Iterator[str]:
        """Yield what lacks for the proof and contradicts nothing."""
        yield from self._unwatched(first, second)
        ends = [host for host, _ in self.wire.ends(first, second)]
        yield from (f"the cable of {host} was not watched" for host in (first, second) if ends and host not in ends)
        heard = {(delivery.parcel.spot.host, delivery.parcel.target_host) for delivery in self._of(network)}
        if not heard & {(first, second), (second, first)}:
            yield "no marked packet could be sent between containers there"
        yield from (f"no clear frame came to {host}: that it drops them was not tried"
                    for host in self._without_injection(network, first, second))  # fmt: skip

    def _unwatched(self, first: str, second: str) -> Iterator[str]:
        """Yield in what direction nobody saw an encrypted frame; what one of the two hosts saw is enough."""
        ends = self.wire.ends(first, second)
        if not ends:
            yield from (f"the cable of {host} was not watched" for host in (first, second))
            return
        seen = [self.wire.esp(*end) for end in ends]
        for source, target in ((first, second), (second, first)):
            counts = [
                frames.sent if end[0] == source else frames.received for end, frames in zip(ends, seen, strict=True)
            ]
            if not any(counts):
                yield f"no ESP frame from {source} to {target} was seen"

    def _without_injection(self, network: NetworkState, *hosts: str) -> list[str]:
        """Return those of *hosts* with a task on *network* that were not tried with a clear frame of each VNI."""
        ends = self.live.ends(network.id)
        return [host for host in hosts if host in ends and not self._was_injected(network, host)]

    def _was_injected(self, network: NetworkState, host: str) -> bool:
        there = [
            one.is_tried
            for one in self.tried
            if one.injection.network.id == network.id and one.injection.receiver == host
        ]
        return bool(there) and all(there)

    def _of(self, network: NetworkState) -> Iterable[Delivery]:
        return (entry for entry in self.delivered if entry.parcel.path.network == network.name)

    def _between(self, network: NetworkState, first: str, second: str) -> Iterator[Delivery]:
        for entry in self._of(network):
            if {entry.parcel.spot.host, entry.parcel.target_host} == {first, second}:
                yield entry

    def findings(self) -> Iterator[Finding]:
        """Prove for each encrypted network and pair of hosts that its traffic is encrypted: V12."""
        for network in self.live.encrypted:
            carriers = self.live.carriers(network.id)
            if len(carriers) == 1 and not self.kernels.rules.get((network.id, carriers[0]), (None,)):
                what = f"network {network.name} is carried by {carriers[0]} alone: nothing of it leaves that host"
                evidence = "a rule of its firewall drops clear frames for it"
                evidence += ", and did" if self._was_injected(network, carriers[0]) else ""
                yield Finding(codes.ENCRYPTION, "ok", network.name, what, evidence)
            for verdict in self.verdicts(network):
                yield self._finding(network, verdict)

    def _finding(self, network: NetworkState, verdict: PairVerdict) -> Finding:
        first, second = verdict.first, verdict.second
        where, lack = f"{first} <-> {second}", "; ".join(verdict.missing)
        if verdict.verdict == "broken":
            what = f"{BROKEN}: network {network.name} is open between {first} and {second}"
            *rest, last = self._codes_of_broken(network, first, second)
            remedy = f"first do what {', '.join(rest)} and {last} say" if rest else f"first do what {last} says"
            return Finding(codes.ENCRYPTION, "error", where, what, lack, remedy)
        if verdict.verdict == "proved":
            injected = " and ".join(host for host in (first, second) if self._was_injected(network, host))
            what = f"network {network.name} is encrypted between {first} and {second}"
            what = f"{what}, and clear frames that were sent to {injected} are dropped"
            return Finding(codes.ENCRYPTION, "ok", where, what, traffic(self.esp, (first, second)))
        remedy = "first do what the other findings of these hosts say"
        is_blind = any(self._unwatched(first, second))
        if is_blind or any(self._missing(network, first, second)):
            what = f"the encryption of {network.name} between {first} and {second} is not proved"
            if is_blind and not any(self._missing(network, first, second)):
                install = "apt-get install -y perl || dnf install -y python3"
                remedy = f"on {first} or {second}: {install}; if it is there: {remedy}"
            return Finding(codes.ENCRYPTION, "error", where, what, lack, remedy)
        what = f"network {network.name} is encrypted between {first} and {second}"
        untried = self._without_injection(network, first, second)
        if len(untried) == len(verdict.missing):
            what += f"; that {' and '.join(untried)} drop{'s' * (len(untried) == 1)} clear frames was not tried"
        else:
            what += ", by its frames on the cable; not all that could show the contrary was tried"
        return Finding(codes.ENCRYPTION, "warning", where, what, lack, remedy)
