"""Planning the way back: the whole stack to what it ran before the last change; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.image_archive import ImageArchive, names_registry
from swarmkit.declared.stack.service import Condition
from swarmkit.finding import Finding
from swarmkit.observed.jobs import is_job
from swarmkit.observed.model import (
    NETWORK_LABEL,
    ClusterState,
    NetworkState,
    Observed,
    ServiceState,
    network_targets,
    subnets_of,
)
from swarmkit.plan.model import Operation, Plan, Step
from swarmkit.plan.networks.lan_record import lan_obstacles, lan_operations
from swarmkit.plan.networks.made_again import range_holder, with_a_free_range
from swarmkit.plan.nodes.silent_hosts import silent_nodes
from swarmkit.plan.refusals import host_refusals
from swarmkit.plan.stacks.handover import hand_over
from swarmkit.plan.stacks.jobs import with_job_told
from swarmkit.plan.stacks.modes import other_mode
from swarmkit.plan.stacks.names import has_image
from swarmkit.plan.stacks.operations import AwaitService, CreateNetwork, CreateService, SendImage, UpdateService
from swarmkit.plan.stacks.placement import node_may_run
from swarmkit.plan.stacks.record import Change, Record, files_of, network_names, read_records, record_of
from swarmkit.plan.stacks.recording import Note, write_down
from swarmkit.plan.stacks.removal import remove_object
from swarmkit.plan.stacks.service_waits import HEALTHY, await_service, wait_key
from swarmkit.plan.stacks.silent_places import is_out_of_reach, lan_findings, place_findings
from swarmkit.plan.stacks.spec_diff import Change as NetworkChange
from swarmkit.plan.stacks.spec_diff import carry_over, network_changes, spec_changes, with_names
from swarmkit.reach.engine import Json

_CODE = "H73"
_PREDEFINED = frozenset(("bridge", "default", "host", "ingress", "none"))
_WHAT: tuple[Literal["Secret", "Config"], ...] = ("Secret", "Config")


def make_rollback_plan(
    inventory: Inventory,
    stack: str,
    observed: Observed,
    archives: Mapping[str, ImageArchive],
    *,
    target: Record | None = None,
) -> tuple[Plan, Record | None]:
    """Return the plan that takes *stack* back, and the record it goes to.

    By itself it goes to what the last run noted, or on to where an interrupted rollback was going; *target* holds it to
    one record, also when that is gone from the swarm. Hosts that were not observed are left out, and a refusal where
    the way back needs one.
    """
    silent = silent_nodes(inventory, observed, observed.cluster) if observed.cluster else {}
    inventory = replace(inventory, hosts=tuple(host for host in inventory.hosts if host.name in observed.hosts))
    refusals = [one for one in host_refusals(inventory, observed, adopt=True) if one.code in ("H49", "H54")]
    records = read_records(observed.cluster, stack)
    chosen = target or _target(records)
    if not refusals and (chosen is None or not chosen.services):
        refusals.append(_nothing(stack, chosen))
    if refusals or chosen is None or observed.cluster is None:
        return Plan((), tuple(refusals)), chosen
    planner = _Rollback(inventory, observed, observed.cluster, archives, chosen, records, silent)
    operations = planner.operations()
    if planner.refusals:
        return Plan((), tuple(planner.refusals), tuple(planner.warnings)), chosen
    return Plan(tuple(operations), (), tuple(planner.warnings)), chosen


def _target(records: list[Record]) -> Record | None:
    """Return what to go back to: the newest record, or the one that an interrupted rollback was going to."""
    if not records:
        return None
    newest = records[-1]
    goals = [one for one in records[:-1] if newest.change.by == "rollback" and one.digest == newest.change.toward]
    return goals[-1] if goals else newest


def _nothing(stack: str, record: Record | None) -> Finding:
    if record is None:
        what = f"no run of swarmkit has changed stack {stack}: nothing says what ran before"
        return Finding(_CODE, "error", stack, what, "", "run swarmkit up with the earlier file")
    return Finding(
        _CODE, "error", stack, "the last up made the stack: nothing ran before", "", "swarmkit down removes it"
    )


@dataclass
class _Rollback:
    inventory: Inventory
    observed: Observed
    cluster: ClusterState
    archives: Mapping[str, ImageArchive]
    target: Record
    records: list[Record]
    silent: Mapping[str, str]
    """Node ID -> host that does not answer."""
    refusals: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    def operations(self) -> list[Operation]:
        networks = list(self._networks())
        self._check_files()
        self._check_places()
        images = list(self._images())
        made = frozenset(operation.step.key for operation in [*networks, *images])
        services = list(self._services(made))
        changed = frozenset(op.step.key for op in services if op.step.verb != "wait")
        removed: list[Operation] = [
            remove_object("services", live.name, live.id, "it did not run before", changed)
            for live in self._live()
            if live.name not in self.target.services
        ]
        services, removed = hand_over(services, removed, self.cluster.services)
        note = self._note([*services, *removed])
        services, removed = note.before(services), note.before(removed)
        return [*networks, *images, *note.created, *services, *removed, *self._forget(note, services, removed)]

    def _live(self) -> list[ServiceState]:
        return [service for service in self.cluster.services if service.stack == self.target.stack]

    def _networks(self) -> Iterator[Operation]:
        bodies = {str(body["Name"]): body for body in self.target.networks}
        lans = {str(lan["network"]["Name"]): lan for lan in self.target.lans}
        used = set[str]().union(*(network_targets(spec) for spec in self.target.services.values()))
        for name in sorted(used - _PREDEFINED):
            if there := next((network for network in self.cluster.networks if network.name == name), None):
                self._check_network(there, bodies.get(name))
                continue
            declared = (bodies.get(name, {}).get("Labels") or {}).get(NETWORK_LABEL, name)
            if live := self.cluster.network(declared):
                what = f"the network {name} was made anew since, as {live.name}, and its services moved"
                remedy = "run swarmkit up --recreate-networks with the earlier file: the services move back together"
                self._refuse(name, what, "a service alone on the old one would not reach the others", remedy)
                continue
            if name in lans:
                self.refusals += [*lan_obstacles(lans[name], self.observed), *lan_findings(lans[name], self.silent)]
                yield from lan_operations(lans[name], self.observed)
                continue
            if name not in bodies:
                why = "nothing tells how to make it: it was not the stack's own"
                self._refuse(name, "a network that the services used before is gone", why)
                continue
            body = bodies[name]
            if range_holder(body, self.cluster):
                body = with_a_free_range(body, self.cluster)
            if holder := range_holder(body, self.cluster):
                what = f"the range of the network {name} has another one by now: {holder}"
                self._refuse(name, what, f"it had {', '.join(subnets_of(body))}; its tasks would wait for ever")
            how = "encrypted overlay" if "encrypted" in body["Options"] else body["Driver"]
            step = Step(f"network:{name}", "network", "create", name, f"create {how}", "it was there before")
            yield CreateNetwork(step, body)

    def _check_network(self, live: NetworkState, body: Json | None) -> None:
        """Refuse a network of the stack's that somebody has made otherwise since: its name alone says nothing of it."""
        if body is None:
            return
        changes = [one for one in network_changes(body, live.raw) if _opens(one)]
        if changes:
            what = f"the network {live.name} was made otherwise since"
            told = "; ".join(f"{one.path}: now {one.old or '(none)'}, before {one.new or '(none)'}" for one in changes)
            remedy = (
                f"take what uses it off it, then swarmkit network rm {live.name}, and roll back again: it is made anew"
            )
            self._refuse(live.name, what, told, remedy)

    def _check_files(self) -> None:
        for what, live in zip(_WHAT, (self.cluster.secrets, self.cluster.configs), strict=True):
            there = {item.name for item in live}
            for name, spec in self.target.services.items():
                for gone in sorted(files_of(spec, what) - there):
                    evidence = f"somebody has removed it; an engine does not tell a {what.lower()}'s content"
                    self._refuse(name, f"the {what.lower()} {gone} that it used before is gone", evidence)

    def _check_places(self) -> None:
        for name, spec in self._changing():
            for finding in place_findings(name, spec, self.cluster, self.silent):
                (self.refusals if finding.severity == "error" else self.warnings).append(finding)

    def _images(self) -> Iterator[Operation]:
        """Yield the transfers of images that hosts have lost, where an archive has them; tell of the others."""
        by_id = {archive.image_id: archive for archive in self.archives.values()}
        for name, spec in self._changing():
            image = _image(spec)
            hosts = [host for host in self.inventory.hosts if self._may_run(spec, host)]
            lacking = [host for host in hosts if not has_image(host, image, self.observed)]
            archive = by_id.get(image) or self.archives.get(image)
            if archive:
                for host in lacking:
                    key = f"image:{host.name}:{archive.image_id}"
                    size = f"{archive.size_bytes / 1e6:.0f} MB; it lacks it"
                    step = Step(key, "image", "create", host.name, f"send {archive.tags[0]}", size)
                    yield SendImage(step, host.name, archive, by_tag=image != archive.image_id)
            elif lacking and not names_registry(image):
                self._tell_of_lacking(name, image, hosts, lacking)

    def _tell_of_lacking(self, name: str, image: str, hosts: list[Host], lacking: list[Host]) -> None:
        what = f"{', '.join(host.name for host in lacking)} no longer has the image that it ran: {image}"
        remedy = "give its docker-archive file with --images DIR"
        if len(lacking) == len(hosts) and image.startswith("sha256:"):
            self._refuse(name, what, "no registry can be asked for an image's ID", remedy)
        else:
            self.warnings.append(Finding(_CODE, "warning", name, what, "", remedy))

    def _may_run(self, spec: Mapping[str, Any], host: Host) -> bool:
        node = self.cluster.node(self.observed.hosts[host.name].engine.node_id)
        return node is not None and node_may_run(spec, node)

    def _changing(self) -> list[tuple[str, Mapping[str, Any]]]:
        return [(name, spec) for name, spec in self.target.services.items() if self._changes(name, spec) != ()]

    def _changes(self, name: str, spec: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Return how the live service differs from *spec*; None when there is none."""
        live = self.cluster.service(name)
        return spec_changes(spec, with_names(live.spec, network_names(self.cluster))) if live else None

    def _services(self, made: frozenset[str]) -> Iterator[Operation]:
        """Yield the changes of services, each after a wait for those it depends on."""
        keys: dict[str, str] = {}
        waits: set[str] = set()
        for name in self._in_order():
            operation = self._service(name, made)
            if operation is None:
                continue
            for other, condition in self._needs(name).items():
                if wait_key(other, condition) not in waits:
                    waits.add(wait_key(other, condition))
                    yield self._wait(other, frozenset({keys[other]} if other in keys else ()), condition)
            keys[name] = operation.step.key
            yield operation

    def _service(self, name: str, made: frozenset[str]) -> CreateService | UpdateService | None:
        spec, live = self.target.services[name], self.cluster.service(name)
        after = made | {wait_key(other, condition) for other, condition in self._needs(name).items()}
        key, reason = f"service:{name}", with_job_told("it ran before", spec)
        if live is None:
            return CreateService(Step(key, "service", "create", name, "create service", reason, after), spec)
        if modes := other_mode(spec, live.spec):
            what = "it runs in another mode than before, which an engine does not change"
            remedy = f"remove it first, its tasks with it: docker service rm {name}"
            self._refuse(name, what, "it is {}, and was {}".format(*modes), remedy)
        changes = self._changes(name, spec) or ()
        if not changes:
            return None
        reason = with_job_told("as it ran before", spec)
        step = Step(key, "service", "update", name, "take service back", reason, after, changes)
        return UpdateService(step, live.id, live.version, carry_over(spec, live.spec), live.spec)

    def _needs(self, name: str) -> dict[str, Condition]:
        """Return what a service waits for; what can run on hosts alone that do not answer would hold it up for ever."""
        needed, services = self.target.depends_on.get(name, {}), self.target.services
        return {
            other: condition
            for other, condition in needed.items()
            if other in services and not is_out_of_reach(services[other], self.cluster, self.silent)
        }

    def _wait(self, name: str, after: frozenset[str], condition: Condition = HEALTHY) -> AwaitService:
        return await_service(name, after, condition, is_job=is_job(self.target.services[name]))

    def _in_order(self) -> list[str]:
        ordered: dict[str, None] = {}

        def visit(name: str) -> None:
            if name not in ordered:
                for other in self._needs(name):
                    visit(other)
                ordered[name] = None

        for name in self.target.services:
            visit(name)
        return list(ordered)

    def _note(self, operations: list[Operation]) -> Note:
        """Return the note of what runs now: the next rollback comes back to it."""
        newest = self.records[-1] if self.records else None
        toward = self.target.digest
        if newest and newest.change.by == "rollback" and newest.change.toward == toward and newest != self.target:
            return Note(newest)
        writes = frozenset(operation.step.target for operation in operations if operation.step.verb != "wait")
        if not writes:
            return Note(self.target)
        latest = max([*self.records, self.target], key=lambda record: record.number)
        change = Change("rollback", toward, writes, self.target.depends_on)
        record = record_of(self.observed, self.cluster, self.target.stack, latest, change)
        note = write_down(record, (), frozenset())
        self.warnings += note.warnings
        return note

    def _forget(self, note: Note, services: list[Operation], removed: list[Operation]) -> list[Operation]:
        """Return the removal of the records that are spent, once what they hold runs again."""
        spent = [record for record in self.records if note.kept and record.number < note.kept.number]
        if not spent or note.kept == self.target:
            return []
        known = {op.step.key for op in services}
        changed = [op for op in services if op.step.verb in ("create", "update")]
        changed = [op for op in changed if wait_key(op.step.target) not in known]
        waits = [self._wait(op.step.target, frozenset({op.step.key})) for op in changed]
        after = frozenset(op.step.key for op in [*note.created, *services, *waits, *removed])
        reason = "it runs again"
        return [*waits, *(remove_object("configs", one.name, one.id, reason, after) for one in spent)]

    def _refuse(
        self, where: str, what: str, evidence: str, remedy: str = "run swarmkit up with the earlier file"
    ) -> None:
        self.refusals.append(Finding(_CODE, "error", where, what, evidence, remedy))


def _image(spec: Mapping[str, Any]) -> str:
    return str(spec["TaskTemplate"]["ContainerSpec"]["Image"])


def _opens(change: NetworkChange) -> bool:
    """Tell whether a live network lets others read or reach, by *change*, what the earlier one did not."""
    is_looser = change.path in ("Options.encrypted", "Internal") and change.new == "true"
    return is_looser or change.path == "Driver"
