"""When a change of a stack writes down what runs, and when what is written down already stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from swarmkit.declared.stack.service import Stack
from swarmkit.finding import Finding
from swarmkit.observed.model import ClusterState, Observed
from swarmkit.plan.model import Operation, Step
from swarmkit.plan.stacks.operations import CreateFile, CreateService, MoveService, RemoveObject, UpdateService
from swarmkit.plan.stacks.record import MAXIMUM_BYTES, Change, Record, live_specs, read_records, record_of, specs_digest
from swarmkit.plan.stacks.removal import remove_object
from swarmkit.secret import Secret

# The spec of a service in one of these states is not what its tasks run.
_UNFINISHED = frozenset(("updating", "paused", "rollback_started", "rollback_paused"))


@dataclass(frozen=True)
class Note:
    """What a plan does about the record of what ran before."""

    kept: Record | None
    """The record that holds once the plan is applied."""
    created: tuple[Operation, ...] = ()
    obsolete: tuple[Operation, ...] = ()
    warnings: tuple[Finding, ...] = ()

    def before(self, operations: Iterable[Operation]) -> list[Operation]:
        """Return the *operations* with their writes waiting for the record."""
        keys = frozenset(operation.step.key for operation in self.created)
        return [with_after(operation, keys) for operation in operations]


def note_of(
    stack: Stack,
    observed: Observed,
    specs: Mapping[str, Mapping[str, Any]],
    operations: Sequence[Operation],
    swarm_ready: frozenset[str],
) -> Note:
    """Return what is to be written down before *operations* bring the stack to *specs*.

    A run that continues another one keeps its record; so does one that corrects a change which never came to run. Once
    a change has come to its end, one toward the same takes back what others have changed since: that is written down.
    """
    cluster = observed.cluster
    records = read_records(cluster, stack.name)
    newest = records[-1] if records else None
    writes = frozenset(operation.step.target for operation in operations if operation.step.verb != "wait")
    if not writes:
        settled = newest and newest.change.by == "up"
        return Note(newest, obsolete=_removals(records[:-1] if settled else (), frozenset()))
    depends_on = {
        f"{stack.name}_{service.name}": {f"{stack.name}_{name}": what for name, what in service.depends_on.items()}
        for service in stack.services
    }
    change = Change("up", specs_digest(specs.values()), writes, depends_on)
    if newest and newest.change.toward == change.toward and not _was_changed_since(newest, cluster, stack.name):
        return Note(newest, obsolete=_removals(records[:-1], frozenset()))
    if cluster and newest and not _ran(stack.name, cluster, newest):
        record = replace(newest, number=newest.number + 1, change=change, id="", has_ended=False, is_unproved=False)
    elif cluster:
        record = record_of(observed, cluster, stack.name, newest, change)
    else:
        record = Record(stack.name, 1, change, {})
    return write_down(record, records, swarm_ready)


def write_down(record: Record, obsolete: Sequence[Record], swarm_ready: frozenset[str]) -> Note:
    """Return the note that creates *record* and then removes the *obsolete* ones."""
    content = record.content
    if len(content) >= MAXIMUM_BYTES:
        what = f"what it runs is too much for a config ({len(content)} bytes): rollback will not be possible"
        newest = obsolete[-1] if obsolete else None
        return Note(newest, warnings=(Finding("H73", "warning", record.stack, what, "", "divide the stack"),))
    key = f"config:{record.name}"
    reason = "for swarmkit rollback" if record.services else "nothing yet; for swarmkit rollback"
    step = Step(key, "config", "create", record.name, "note what runs now", reason, swarm_ready)
    created = CreateFile(step, "configs", record.name, Secret(content), record.labels)
    return Note(record, (created,), _removals(obsolete, frozenset({key})))


def with_after(operation: Operation, keys: frozenset[str]) -> Operation:
    """Return *operation*, waiting for *keys* too if it writes a service."""
    if isinstance(operation, (CreateService, UpdateService, MoveService, RemoveObject)):
        return replace(operation, step=replace(operation.step, after=operation.step.after | keys))
    return operation


def _removals(records: Iterable[Record], after: frozenset[str]) -> tuple[Operation, ...]:
    reason = "a newer one says what ran before"
    return tuple(remove_object("configs", record.name, record.id, reason, after) for record in records)


def _was_changed_since(newest: Record, cluster: ClusterState | None, stack: str) -> bool:
    """Tell whether others have changed the services after the newest run had come to its end."""
    return newest.has_ended and cluster is not None and specs_digest(live_specs(cluster, stack)) != newest.change.toward


def _ran(stack: str, cluster: ClusterState, newest: Record) -> bool:
    """Tell whether what the services declare now has come to run, so that it is worth going back to."""
    mine = [service for service in cluster.services if service.stack == stack]
    has_come = newest.has_ended or newest.is_left(cluster)
    return has_come and not any(service.update_state in _UNFINISHED for service in mine)
