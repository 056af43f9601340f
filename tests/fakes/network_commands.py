"""What the tests of `swarmkit network` share: networks and containers on fake hosts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from click.testing import Result

from fakes.swarm import FakeFleet

Command = Callable[..., Result]


def add_network(fleet: FakeFleet, host: str, name: str, **raw: Any) -> None:
    body = {"Id": name, "Name": name, "Driver": "bridge", "Scope": "local", "Options": {}, "Containers": {}}
    fleet.engine(host).config_networks[name] = {**body, **raw}


def add_container(fleet: FakeFleet, host: str, name: str, state: str = "running", **addresses: str) -> None:
    networks = {network: {"IPAddress": address} for network, address in addresses.items()}
    fleet.engine(host).containers[name] = {
        "Id": name, "Names": [f"/{name}"], "State": state, "NetworkSettings": {"Networks": networks},
    }  # fmt: skip


def networks_of(fleet: FakeFleet, host: str) -> set[str]:
    return set(fleet.engine(host).config_networks)
