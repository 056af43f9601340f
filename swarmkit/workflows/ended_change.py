"""Whether the last change of a stack has come to its end, and writing down that it has."""

from __future__ import annotations

import contextlib

from swarmkit.errors import SwarmkitError
from swarmkit.observed.model import Observed
from swarmkit.plan.model import Step
from swarmkit.plan.stacks.record import ENDED_LABEL, read_records
from swarmkit.reach.fleet import Fleet
from swarmkit.workflows.one_writer import OneWriter


def was_cut_off(observed: Observed, stack: str) -> bool:
    """Tell whether the last change of *stack* has not come to its end: its run was killed, or failed and said so."""
    try:
        records = read_records(observed.cluster, stack)
    except SwarmkitError:
        # Whoever changes the stack is told that one cannot be read; where nothing is to do it is in nobody's way.
        return False
    return bool(records) and not records[-1].has_ended


def note_end(fleet: Fleet, observed: Observed, stack: str, writer: OneWriter) -> None:
    """Mark the newest record of *stack*: what differs from here on, others have changed.

    An unmarked one is taken for that of a run that was cut off. So a mark that cannot be made ends no run that has done
    its work.
    """
    records = read_records(observed.cluster, stack)
    if observed.cluster is None or not records or records[-1].has_ended:
        return
    name, identity = records[-1].name, records[-1].id
    manager = fleet[observed.cluster.told_by].engine
    with contextlib.suppress(SwarmkitError):
        writer.guard(Step(f"end:{name}", "config", "update", name, "note that the change has ended", "all of it runs"))
        live = manager.inspect("configs", identity)
        body = {"Name": name, "Labels": {**(live["Spec"].get("Labels") or {}), ENDED_LABEL: "true"}}
        manager.update("configs", identity, int(live["Version"]["Index"]), body)
