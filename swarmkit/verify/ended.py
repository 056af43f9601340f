"""Tasks that ended while the probes ran: what was tried of them proves nothing, neither good nor bad; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from swarmkit.finding import Finding
from swarmkit.verify import codes
from swarmkit.verify.encryption.injection import Attempt
from swarmkit.verify.live import Live, LiveTask
from swarmkit.verify.probe.look import HOST_NAMESPACE, HostLook
from swarmkit.verify.probe.parcels import Spot, Trespass
from swarmkit.verify.probe.probes import Ask, Connect
from swarmkit.verify.probe.probing import Result
from swarmkit.verify.ways.payloads import Delivery
from swarmkit.verify.ways.published import Publication


@dataclass(frozen=True)
class Ended:
    """What was tried counts as if these had ended before: no task, nothing to prove of it but that it is missing."""

    tasks: Mapping[str, LiveTask]
    """By ID."""
    spots: frozenset[Spot]
    """Where they were."""

    @classmethod
    def among(cls, live: Live, looks: Mapping[str, HostLook], ended: Iterable[str]) -> Ended:
        """Return those of *live* whose IDs are in *ended*."""
        ids = frozenset(ended)
        tasks = {task.id: task for service in live.services for task in service.tasks if task.id in ids}
        return cls(tasks, frozenset(Spot(task.host, str(looks[task.host].pids[task.id])) for task in tasks.values()))

    @property
    def services(self) -> frozenset[str]:
        return frozenset(task.service for task in self.tasks.values())

    @property
    def addresses(self) -> frozenset[str]:
        return frozenset(
            at for task in self.tasks.values() for of_network in task.addresses.values() for at in of_network
        )

    def results(self, host: str, results: Iterable[Result]) -> tuple[Result, ...]:
        """Return *results* of *host* without the ways of which one probe had to do with a task that ended."""
        told = tuple(results)
        moot = {_way(one) for one in told if _way(one) and self._is_moot(host, one)}
        return tuple(one for one in told if _way(one) not in moot)

    def _is_moot(self, host: str, result: Result) -> bool:
        probe = result.probe
        if not isinstance(probe, (Ask, Connect)) or probe.path is None:
            return False
        is_at = isinstance(probe, Connect) and probe.address in self.addresses
        # A name or a VIP may still mean a task that has ended, or no longer.
        is_behind = not result.holds and probe.path.target in self.services
        return Spot(host, str(probe.pid)) in self.spots or is_at or is_behind

    def deliveries(self, delivered: Iterable[Delivery]) -> tuple[Delivery, ...]:
        """Return *delivered* without the paths of which one packet was sent from or to a task that ended."""
        told = tuple(delivered)
        moot = {one.parcel.path for one in told if self.spots & {one.parcel.spot, *one.parcel.hearers}}
        return tuple(one for one in told if one.parcel.path not in moot)

    def attempts(self, tried: Iterable[Attempt]) -> tuple[Attempt, ...]:
        """Return *tried* without the clear frames that could no longer enter where they were sent to."""
        return tuple(one for one in tried if one.entered or one.injection.inner not in self.addresses)

    def publications(self, published: Iterable[Publication]) -> tuple[Publication, ...]:
        return tuple(one for one in published if one.service not in self.services)

    def explains(self, finding: Finding) -> bool:
        """Tell whether *finding* may be no more than that."""
        # What still comes for a network that its host has given up with the last task there is counted as an error.
        return bool(self.tasks) and finding.code == codes.ESP_ERRORS

    def silences(self, trespass: Trespass) -> bool:
        """Tell whether it is no wonder that nothing came of *trespass*."""
        return trespass.spot in self.spots or trespass.address in self.addresses


def _way(result: Result) -> tuple[object, ...]:
    probe = result.probe
    return (type(probe), probe.path) if isinstance(probe, (Ask, Connect)) and probe.path else ()


NOBODY = Ended({}, frozenset())


def prove_tried(
    live: Live, looks: Mapping[str, HostLook], results: Mapping[str, Iterable[Result]], ended: Mapping[str, str]
) -> Iterator[Finding]:
    """Name the tasks and hosts from which nothing could be probed after all, so that silence is never taken for proof.

    *ended* tells by ID how the tasks ended that did.
    """
    why = {
        Spot(host, str(one.probe.pid)): one.answer for host, told in results.items() for one in told if not one.is_asked
    }
    for service in live.services:
        for task in service.tasks if service.networks & live.networks.keys() else ():
            pid = looks[task.host].pids.get(task.id) if task.host in looks else None
            where = f"{service.name} on {task.host}"
            if how := ended.get(task.id):
                what = f"nothing is proved from {where} and to it: the task ended while it was probed"
                remedy = f"docker service ps --no-trunc {service.name} tells why; then verify again"
                yield Finding(codes.CONNECTION, "error", where, what, how, remedy)
            elif reason := why.get(Spot(task.host, str(pid))):
                what = f"nothing could be probed from {where}: {reason}"
                remedy = f"verify again; if it stays, docker service ps --no-trunc {service.name}"
                yield Finding(codes.CONNECTION, "error", where, what, remedy=remedy)
    for host in looks:
        if reason := why.get(Spot(host, str(HOST_NAMESPACE))):
            what = f"nothing could be probed from {host} itself: {reason}"
            remedy = f"verify again; if it stays, on {host}: journalctl -k -n 20"
            yield Finding(codes.GOSSIP, "error", host, what, "its ways to the others were not tried", remedy)
