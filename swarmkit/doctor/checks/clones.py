"""Hosts that are one machine under two names, or copies of one; pure."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from swarmkit.doctor.evidence import Evidence
from swarmkit.finding import Finding
from swarmkit.plan.nodes.doubled_addresses import doubled_addresses

_NOT_A_NAME = ("localhost", "localhost.localdomain", "debian", "ubuntu")


_ENDS = re.compile(r" <?-> | \| ")
"""Between the ends of ways. Where several end at a host, that one has to be it: else some may have another cause."""

_OTHER_MAC = (
    "on the hypervisor give the copy a hardware address of its own: virsh edit NAME, and take out its line <mac ...>; "
    "till then on the copy: ip link set dev DEVICE address 02:$(od -An -N5 -tx1 /dev/urandom | tr ' ' : | cut -c2-)"
)


def check_twins(evidence: Evidence) -> Iterator[Finding]:
    """Yield H36: hardware addresses, product ids and SSH host keys that two hosts share, as clones do."""
    macs = {
        name: (link.mac,)
        for name, peer in evidence.peers.items()
        if (link := evidence.hosts[name].link_of(peer.data)) and link.mac
    }
    for what, values, remedy in (
        ("MAC address", macs, _OTHER_MAC),
        (
            "product id",
            {name: (host.setting("/sys/class/dmi/id/product_uuid"),) for name, host in evidence.hosts.items()},
            "on the hypervisor, copy it by what gives the copy an id of its own: virt-clone --auto-clone -o ORIGINAL",
        ),
        (
            "SSH host key",
            {name: host.host_keys for name, host in evidence.hosts.items()},
            "on the copy: rm /etc/ssh/ssh_host_*; ssh-keygen -A; systemctl restart ssh; then here: "
            + shlex.join(("swarmkit", "trust", "-i", str(evidence.inventory.source), "--replace")),
        ),
    ):
        for same, value in _shared(values).items():
            yield Finding("H36", "error", ", ".join(same), f"these hosts have the same {what}", value, remedy)


def _shared(values: Mapping[str, Sequence[str]]) -> dict[tuple[str, ...], str]:
    """Return the hosts that share values, with the first of these."""
    names = defaultdict(list)
    for name, own in values.items():
        for value in own:
            names[value].append(name)
    shared: dict[tuple[str, ...], str] = {}
    for value, same in names.items():
        if value and len(same) > 1:
            shared.setdefault(tuple(same), value)
    return shared


def check_addresses(evidence: Evidence) -> Iterator[Finding]:
    """Yield H36: addresses by which the others reach a host, and that another has too."""
    reached_by = {name: (peer.advertise, peer.data) for name, peer in evidence.peers.items()}
    hosts = {name: host.facts for name, host in evidence.hosts.items()}
    yield from (one.told_as("H36") for one in doubled_addresses(reached_by, hosts))


def with_cause(found: Iterable[Finding], evidence: Evidence) -> Iterator[Finding]:
    """Yield *found*, what does not pass between hosts, as what follows where an end's address is another's too.

    Not what a rule surely drops: that stays closed when the address is gone.
    """
    twice = {finding.where.partition(", ")[2] for finding in check_addresses(evidence)}
    for finding in found:
        is_between = {*_ENDS.split(finding.where)} & twice and _ENDS.search(finding.where)
        is_explained = is_between and finding.severity == "error" and "dropped on" not in finding.evidence
        yield replace(finding, follows_from="H36") if is_explained else finding


def check_host_names(evidence: Evidence) -> Iterator[Finding]:
    """Yield H37: host names that say nothing of a host; two that are equal are an error elsewhere."""
    for name, host in evidence.hosts.items():
        hostname = host.facts.system.hostname
        if hostname.lower() in _NOT_A_NAME:
            yield Finding(
                "H37", "warning", name, "its host name is an installer's: node ls and constraints cannot tell it apart",
                hostname, f"on {name}: hostnamectl set-hostname {name.lower()}; systemctl restart docker",
            )  # fmt: skip
