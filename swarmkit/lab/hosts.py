"""The hosts of a lab: what the inventory says about each, and the addresses that follow from its number."""

from __future__ import annotations

import re
from dataclasses import dataclass

from swarmkit.errors import SwarmkitError

LOOPBACK_NETWORK = "127.88.0"
"""Where the operator reaches the hosts: SSH and published ports, on the machine's own loopback."""
DATA_NETWORK = "10.88.0"
"""Where the hosts reach each other, inside the lab's own network namespace."""
GATEWAY = f"{DATA_NETWORK}.254"
ENGINES = ("26.1", "20.10")
DEFAULT_ENGINE = "26.1"
DEFAULT_MEMORY_MEGABYTES = 1024

# systemd refuses other host names; the name is also a folder, so it never begins with a dot.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}")


@dataclass(frozen=True)
class LabHost:
    """One host of the lab; *number* is N of 127.88.0.N and 10.88.0.N."""

    name: str
    number: int
    ssh_port: int = 22
    engine: str = DEFAULT_ENGINE
    memory_megabytes: int = DEFAULT_MEMORY_MEGABYTES

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise SwarmkitError(f"{self.name!r} cannot be a lab host's name", "letters, digits, '-' and '.' only")
        if not 1 <= self.number <= 253:
            raise SwarmkitError(f"{self.name}: lab hosts are numbered 1 to 253, not {self.number}")
        if self.engine not in ENGINES:
            raise SwarmkitError(f"{self.name}: no lab engine {self.engine!r}", f"there are {', '.join(ENGINES)}")
        if not 512 <= self.memory_megabytes <= 65536:
            raise SwarmkitError(f"{self.name}: {self.memory_megabytes} MB of memory", "it takes 512 to 65536")

    @property
    def address(self) -> str:
        return f"{LOOPBACK_NETWORK}.{self.number}"

    @property
    def data_address(self) -> str:
        return f"{DATA_NETWORK}.{self.number}"


def number_of(address: str) -> int | None:
    """Return N when *address* is 127.88.0.N, else None: then the host is not the lab's."""
    network, _, number = address.rpartition(".")
    return int(number) if network == LOOPBACK_NETWORK and number.isdecimal() else None
