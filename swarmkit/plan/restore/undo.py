"""Planning how a host goes back to what a restore moved aside; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from swarmkit.declared.inventory.host import Host
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.observed.set_aside import ASIDE, SetAside
from swarmkit.plan.model import Plan, Step
from swarmkit.plan.nodes.joins import INIT
from swarmkit.plan.states.operations import PutBack


def undo_plan(host: Host, observed: Observed, aside: Sequence[SetAside], now: str) -> Plan:
    """Return the plan that puts the newest of what lies *aside* on *host* back; *now* names what is kept instead."""
    if not aside:
        what, seen = "no restore has moved a swarm's state aside on it", f"no {ASIDE}* in Docker's folder"
        return Plan((), (Finding("H49", "error", host.name, what, seen, "nothing is to be undone"),))
    newest = aside[-1]
    kept = f"swarm.restored-{now}"
    of = f"of cluster {newest.cluster_id}, " if newest.cluster_id else ""
    reason = f"{newest.folder}, {of}in the place of what lies there now, which is kept as {kept}"
    step = Step(f"{INIT}:undo", "swarm", "update", host.name, "put back what a restore moved aside", reason,
                destructive=True)  # fmt: skip
    return Plan((PutBack(step, newest.folder, kept),), (), tuple(_warnings(host, observed, aside)))


def _warnings(host: Host, observed: Observed, aside: Sequence[SetAside]) -> Iterator[Finding]:
    *older, newest = aside
    if older:
        # One that put a state in place anew, which did not start, has moved that aside.
        yield Finding(
            "H54", "warning", host.name, f"it goes back by the last of {len(aside)} restores",
            f"older: {', '.join(one.folder for one in older)}", "run the same again for the one before",
        )  # fmt: skip
    others = [name for name, facts in observed.hosts.items() if facts.engine.node_id and name != host.name]
    if others:
        yield Finding(
            "H54", "warning", ", ".join(others), f"{host.name} goes back to a swarm without those who joined later",
            f"{newest.folder} is of before the restore",
            "one that joined after it leaves and joins again: docker swarm leave --force there, then swarmkit up",
        )  # fmt: skip
    yield Finding(
        "H54", "warning", host.name, "what was written since the restore is not in what it goes back to",
        "services, secrets, configs, networks and nodes; volumes stay as they are",
        "one that had lost its quorum goes on with: swarmkit recover quorum",
    )  # fmt: skip
