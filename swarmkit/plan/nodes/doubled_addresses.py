"""Addresses by which nodes reach a host, and that another host has too, as a copy's own or a second; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from swarmkit.finding import Finding
from swarmkit.observed.model import HostFacts


@dataclass(frozen=True)
class Doubled:
    address: str
    owner: str
    other: str
    device: str
    """The other's, that has it."""

    def told_as(self, code: str) -> Finding:
        return Finding(
            code, "error", f"{self.other}, {self.owner}",
            f"{self.other} has the address by which the others reach {self.owner}: one of the two gets what is sent",
            f"{self.address} on {self.device} of {self.other}",
            f"on {self.other}: ip addr flush to {self.address}/32 dev {self.device}; and take it out of what sets it "
            f"at boot; if it is {self.other}'s, correct the inventory: swarm_advertise_addr of {self.owner}",
        )  # fmt: skip


def doubled_addresses(reached_by: Mapping[str, Iterable[str]], hosts: Mapping[str, HostFacts]) -> Iterator[Doubled]:
    """Yield each address of *reached_by*, by host, that another of *hosts* carries."""
    for owner, addresses in reached_by.items():
        for address in dict.fromkeys(addresses):
            for other, facts in hosts.items():
                device = facts.system.addresses.get(address)
                if device and other != owner:
                    yield Doubled(address, owner, other, device)
