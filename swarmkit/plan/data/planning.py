"""Planning how a backup's data goes into the volumes of a stack before anybody uses it; pure.

What runs the operations is imported where one is made: most plans have none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmkit.declared.inventory.host import Host
from swarmkit.declared.stack.service import Service, Stack, Volume
from swarmkit.finding import Finding
from swarmkit.observed.model import DATA_LABEL, FILLED_LABEL, WHOLE_LABEL, Observed
from swarmkit.plan.model import Operation, Step

if TYPE_CHECKING:
    from swarmkit.plan.data.putting import MakeVolume, VolumeData


@dataclass(frozen=True)
class DeclaredData:
    """What an operator gives for the volumes of a fresh cluster."""

    volumes: Mapping[str, VolumeData] = field(default_factory=dict)
    """By the volume's name."""
    init_empty: frozenset[str] = frozenset()
    """Volumes that shall start empty, at the operator's word, whatever is given for them."""


def is_in(data: VolumeData, observed: Observed, hosts: Iterable[str]) -> bool:
    """Tell whether the swarm says that *data* is whole in its volume, and that was not lost with its host's disk.

    *hosts* are those where it has to be: another may have an old volume of that name.
    """
    return is_noted(data, observed) and any(data.name in observed.volumes.get(host, {}) for host in hosts)


def is_noted(data: VolumeData, observed: Observed) -> bool:
    labels = observed.cluster.labels if observed.cluster else {}
    return labels.get(f"{DATA_LABEL}{data.name}") == data.backup


def is_ours(data: VolumeData, labels: Mapping[str, str] | None) -> bool:
    """Tell whether a volume with *labels* was made for *data* and waits for it still; None: there is no such volume."""
    return labels is not None and labels.get(FILLED_LABEL) == data.backup and labels.get(WHOLE_LABEL) != data.backup


def volume_key(data: VolumeData) -> str:
    return f"volume:{data.name}"


def data_key(data: VolumeData) -> str:
    return f"data:{data.name}"


def make_volume(
    data: VolumeData, host: str, after: frozenset[str], *, key: str = "", was_in: bool = False
) -> MakeVolume:
    """Return the operation that makes the volume; it follows the swarm, which has the lock that writes are kept by.

    *was_in* says that the swarm has it noted as whole, of a volume that is lost.
    """
    from swarmkit.plan.data.putting import MakeVolume

    key = key or volume_key(data)
    how = f"make it on {host}" if data.restore else f"make it on {host} with its files"
    return MakeVolume(Step(key, "volume", "create", data.name, how, _reason(data), after), host, data, was_in)


def load(data: VolumeData, host: str, after: frozenset[str]) -> Operation:
    """Return the operation after which the data counts as being in; it follows the wait for its service."""
    from swarmkit.plan.data.putting import LoadDump, MarkFilled

    if not data.restore:
        step = Step(data_key(data), "volume", "update", data.name, "note that it is whole", "", after)
        return MarkFilled(step, data)
    what = f"put the data back by {data.restore[0]}"
    return LoadDump(Step(data_key(data), "volume", "update", data.name, what, _reason(data), after), host, data)


def _reason(data: VolumeData) -> str:
    return f"{data.size_bytes} bytes of {data.taken_at}"


@dataclass
class StackData:
    """The data that still has to go into a stack's volumes; collects refusals and warnings on its way."""

    stack: Stack
    declared: DeclaredData | None
    observed: Observed
    refusals: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    waiting: dict[str, frozenset[str]] = field(default_factory=dict)
    """Host -> the keys of the volumes that are made there: the swarm starts tasks on it as soon as it has joined."""
    held: set[str] = field(default_factory=set)
    """Services that this plan lets stand."""

    def pending(self, service: Service, hosts: tuple[Host, ...]) -> list[tuple[VolumeData, str]]:
        """Return each volume of *service* that waits for its data, with the host where it has to be."""
        return list(self._pending(service, hosts)) if self.declared else []

    def make(self, data: VolumeData, host: str, after: frozenset[str]) -> Iterator[Operation]:
        """Yield how the volume is made, and before it how those stand still that would use an empty database."""
        holds = list(self._holds(data, after)) if data.restore else []
        yield from holds
        after |= {operation.step.key for operation in holds}
        self.waiting[host] = self.waiting.get(host, frozenset()) | {volume_key(data)}
        yield make_volume(data, host, after, was_in=is_noted(data, self.observed))

    def _holds(self, data: VolumeData, after: frozenset[str]) -> Iterator[Operation]:
        from swarmkit.plan.data.holding import HELD_LABEL, HoldService

        # What the file has no more would never be let go.
        declared = {f"{self.stack.name}_{service.name}" for service in self.stack.services}
        for name in (name for name in data.dependents if name in declared):
            live = self.observed.cluster.service(name) if self.observed.cluster else None
            if live is not None and HELD_LABEL not in live.labels and name not in self.held:
                self.held.add(name)
                reason = "until the data is back that it depends on"
                step = Step(f"hold:{name}", "service", "update", name, "let it stand", reason, after)
                yield HoldService(step, name)

    def _pending(self, service: Service, hosts: tuple[Host, ...]) -> Iterator[tuple[VolumeData, str]]:
        assert self.declared is not None  # noqa: S101 - pending
        for volume in self.stack.volumes:
            if volume.external or service not in self.stack.services_on(volume):
                continue
            owner = self.stack.owner(volume)
            data = None if volume.name in self.declared.init_empty else self.declared.volumes.get(volume.name)
            there = {host.name: self.observed.volumes.get(host.name, {}).get(volume.name) for host in hosts}
            if data is None:
                self._check_undelivered(volume, [name for name, labels in there.items() if labels is not None])
            elif owner is service and not is_in(data, self.observed, there):
                if len(hosts) != 1:
                    self._refuse(service, volume, is_many=bool(hosts))
                    continue
                (host,) = hosts
                labels = there[host.name]
                if labels is None or is_ours(data, labels):
                    yield data, host.name
                else:
                    self._warn_of_kept(volume, host.name)

    def _check_undelivered(self, volume: Volume, hosts: list[str]) -> None:
        assert self.declared is not None  # noqa: S101 - pending
        if hosts:
            what = f"its volume is on {', '.join(hosts)} and stays as it is"
            self.warnings.append(Finding("H58", "warning", volume.name, what, "no backup of it is given"))
        elif volume.name in self.declared.init_empty:
            self.warnings.append(Finding("H58", "warning", volume.name, "starts empty, as asked for"))
        else:
            self.refusals.append(
                Finding(
                    "H58", "error", volume.name, "would start empty: no backup of it is given, and no host has it",
                    "", f"give the backup that holds it with --data, or agree: --init-empty {volume.name}",
                )
            )  # fmt: skip

    def _refuse(self, service: Service, volume: Volume, *, is_many: bool) -> None:
        what = f"service {service.name} may run on no host of the inventory, its data is of one"
        remedy = "a label that was set by hand is gone with its node: declare it in the inventory (swarm_labels)"
        if is_many:
            what = f"service {service.name} may run on several hosts, its data is of one"
            remedy = "pin it with deploy.placement.constraints"
        self.refusals.append(Finding("H58", "error", volume.name, what, service.place, remedy))

    def _warn_of_kept(self, volume: Volume, host: str) -> None:
        self.warnings.append(
            Finding(
                "H58", "warning", volume.name, f"is on {host} already and stays as it is",
                "the backup's data of it is not used", f"to use that, remove it there: docker volume rm {volume.name}",
            )
        )  # fmt: skip
