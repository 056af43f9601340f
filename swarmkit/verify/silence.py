"""What follows from hosts that do not answer, of what was tried from the others: their tasks are behind it; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from swarmkit.finding import Finding
from swarmkit.verify import codes
from swarmkit.verify.live import LiveService, LiveTask
from swarmkit.verify.probe.probes import Ask, Connect
from swarmkit.verify.probe.probing import Result


@dataclass(frozen=True)
class Silence:
    """Hosts of the inventory that did not answer, or not to the end: a finding of its own each (V14)."""

    hosts: frozenset[str] = frozenset()
    services: tuple[LiveService, ...] = ()

    def tasks_of(self, service: str) -> tuple[LiveTask, ...]:
        """Return the tasks that run there by the managers' word alone."""
        return tuple(task for one in self._named(service) for task in one.tasks if task.host in self.hosts)

    def has_all_of(self, service: str) -> bool:
        """Tell whether *service* runs there, and nowhere else."""
        there = self.tasks_of(service)
        return bool(there) and all(len(there) == len(one.tasks) for one in self._named(service))

    def explains(self, wrong: Iterable[Result]) -> bool:
        """Tell whether what is *wrong* is no more than that tasks there neither answer nor are known by name."""
        return all(self._explains(one) for one in wrong)

    def _explains(self, result: Result) -> bool:
        probe = result.probe
        if not isinstance(probe, (Ask, Connect)) or probe.path is None:
            return False
        target = probe.path.target
        lost = {at for task in self.tasks_of(target) for of_network in task.addresses.values() for at in of_network}
        if isinstance(probe, Connect):
            return probe.address in lost or (probe.label == "VIP" and bool(lost))
        # The engines forget a service's VIP with the last task that their gossip knows of.
        vips = {at for one in self._named(target) for at in one.vips.values()} if self.has_all_of(target) else set()
        return probe.holds(result.addresses | (probe.expected & (lost | vips)))

    def _named(self, name: str) -> tuple[LiveService, ...]:
        return tuple(one for one in self.services if one.name == name)

    def following(self, finding: Finding) -> Finding:
        """Return *finding* as one that follows from the silence; what helps is what helps those hosts."""
        return replace(finding, remedy=first_of(self.hosts), follows_from=codes.HOST)


def first_of(hosts: Iterable[str]) -> str:
    return f"first do what {codes.HOST} says of {' and '.join(sorted(hosts))}"


NONE = Silence()
