"""Why hosts are not touched: all reasons at once, before anything changes; pure."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterator

from swarmkit.declared.inventory.host import Inventory
from swarmkit.finding import Finding
from swarmkit.observed.model import Observed
from swarmkit.plan.engines.refusals import engine_refusals, version_refusals
from swarmkit.plan.nodes.advertised import address_refusals
from swarmkit.plan.nodes.memberships import membership_refusals

MAX_CLOCK_SKEW_SECONDS = 30.0

# Where D-Bus keeps an id in a file of its own, systemd takes that one before it makes another (machine-id-setup.c).
_OF_CLONE = (
    "correct the inventory, or give the clone an identity of its own: rm -f /etc/machine-id "
    "/var/lib/dbus/machine-id && systemd-machine-id-setup; rm /var/lib/docker/engine-id; "
    "hostnamectl set-hostname NAME; reboot"
)
_OF_NODE = (
    "correct the inventory, or on the copy: docker swarm leave --force; then: swarmkit up; "
    "never copy /var/lib/docker/swarm to a second host"
)


def host_refusals(inventory: Inventory, observed: Observed, *, adopt: bool) -> Iterator[Finding]:
    """Yield what forbids to touch these hosts: identity, swarm membership, addresses, clocks, engines."""
    yield from membership_refusals(inventory, observed, adopt=adopt)
    yield from machine_refusals(inventory, observed)


def machine_refusals(inventory: Inventory, observed: Observed) -> Iterator[Finding]:
    """Yield what forbids to make nodes of these hosts, whatever swarm they are in."""
    yield from _twins(observed)
    for host in inventory.hosts:
        facts = observed.hosts[host.name]
        yield from address_refusals(host, facts)
        yield from engine_refusals(host, facts)
    yield from _clocks(observed)
    yield from version_refusals(observed)


def _twins(observed: Observed) -> Iterator[Finding]:
    engines = {name: facts.engine for name, facts in observed.hosts.items()}
    for what, values in (
        ("machine-id", {name: facts.system.machine_id for name, facts in observed.hosts.items()}),
        ("engine id", {name: engine.engine_id for name, engine in engines.items()}),
        ("node id", {name: engine.node_id for name, engine in engines.items()}),
        # Constraints and node ls know no capitals.
        ("host name", {name: facts.system.hostname.lower() for name, facts in observed.hosts.items()}),
    ):
        names = defaultdict(list)
        for name, value in values.items():
            names[value].append(name)
        for value, same in names.items():
            if value and len(same) > 1:
                yield Finding(
                    "H36" if what != "host name" else "H37",
                    "error",
                    ", ".join(same),
                    f"these hosts have the same {what}: one machine under two names, or a clone",
                    value,
                    _OF_NODE if what == "node id" else _OF_CLONE,
                )


def _clocks(observed: Observed) -> Iterator[Finding]:
    offsets = {name: facts.system.clock_offset_seconds for name, facts in observed.hosts.items()}
    # A middle between two hosts is nobody's time: it halves what they are apart. This machine's own clock, from which
    # all offsets are, says which of the two is right.
    middle = (statistics.median_low(offsets.values()), statistics.median_high(offsets.values()))
    right = min(middle, key=abs)
    for name, offset in offsets.items():
        if abs(offset - right) > MAX_CLOCK_SKEW_SECONDS:
            yield Finding(
                "H34", "error", name, f"its clock is {offset - right:+.0f} s from the other hosts'",
                "swarm certificates are valid from one hour back only",
                f"on {name}: date -s '{right - offset:+.0f} seconds'; to keep it right: timedatectl set-ntp true",
            )  # fmt: skip
