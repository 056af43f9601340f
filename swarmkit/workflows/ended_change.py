"""Whether the last change of a stack has come to its end and is proved, and writing down that it has, or is not."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from swarmkit.errors import SwarmkitError
from swarmkit.observed.model import Observed
from swarmkit.plan.model import Step
from swarmkit.plan.stacks.record import ENDED_LABEL, UNPROVED_LABEL, Record, read_records
from swarmkit.reach.fleet import Fleet
from swarmkit.workflows.one_writer import OneWriter


def why_it_goes_on(observed: Observed, stack: str, *, verify: bool) -> str:
    """Return why the last change of *stack* is to be waited for, though nothing of it is left to write; with *verify*
    also why it is to be proved. Empty where neither is."""
    newest = _newest(observed, stack)
    if newest and not newest.has_ended:
        # Its run was killed, or failed and said so.
        return f"the run before did not see its change through: it is waited for{' and proved' * verify}"
    is_left = verify and is_unproved(observed, stack)
    return "the proof after the last change did not hold: it is proved again" if is_left else ""


def is_unproved(observed: Observed, stack: str) -> bool:
    """Tell whether the last proof after a change of *stack* did not hold."""
    newest = _newest(observed, stack)
    return newest is not None and newest.is_unproved


def _newest(observed: Observed, stack: str) -> Record | None:
    try:
        records = read_records(observed.cluster, stack)
    except SwarmkitError:
        # Whoever changes the stack is told that one cannot be read; where nothing is to do it is in nobody's way.
        return None
    return records[-1] if records else None


def note_end(fleet: Fleet, observed: Observed, stack: str, writer: OneWriter) -> None:
    """Mark the newest record of *stack*: what differs from here on, others have changed.

    An unmarked one is taken for that of a run that was cut off. So a mark that cannot be made ends no run that has done
    its work.
    """
    records = read_records(observed.cluster, stack)
    if records and not records[-1].has_ended:
        _mark(fleet, observed, records[-1], writer, {ENDED_LABEL: "true"}, "note that the change has ended")


def note_proof(fleet: Fleet, observed: Observed, stack: str, writer: OneWriter, *, holds: bool) -> None:
    """Mark the newest record of *stack* with whether the proof after its change held: else the next `up` proves it."""
    if newest := _newest(observed, stack):
        mark = {} if holds else {UNPROVED_LABEL: "true"}
        _mark(fleet, observed, newest, writer, mark, f"note that its proof {'holds' if holds else 'did not hold'}")


def _mark(
    fleet: Fleet, observed: Observed, record: Record, writer: OneWriter, marks: Mapping[str, str], what: str
) -> None:
    if observed.cluster is None:
        return
    manager = fleet[observed.cluster.told_by].engine
    with contextlib.suppress(SwarmkitError):
        writer.guard(Step(f"end:{record.name}", "config", "update", record.name, what, "all of it runs"))
        live = manager.inspect("configs", record.id)
        labels = {key: value for key, value in (live["Spec"].get("Labels") or {}).items() if key != UNPROVED_LABEL}
        body = {"Name": record.name, "Labels": {**labels, **marks}}
        manager.update("configs", record.id, int(live["Version"]["Index"]), body)
