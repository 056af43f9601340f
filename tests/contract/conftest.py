"""One suite for two kinds of engines: the fake that the fast tests use, and those of real lab hosts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes.swarm import fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.reach.engine import Engine
from swarmkit.reach.fleet import Fleet, reach

HOSTS = (
    Host("X", "127.88.0.34", "manager", user="root", advertise_addr="10.88.0.34"),
    Host("Y", "127.88.0.35", "worker", port=2222, user="root", advertise_addr="10.88.0.35"),
)


@dataclass(frozen=True)
class Pair:
    """Two engines, bare at first: *manager* makes a swarm, which *worker* joins."""

    manager: Engine
    worker: Engine

    def form_swarm(self) -> None:
        if self.manager.info()["Swarm"]["LocalNodeState"] == "inactive":
            self.manager.init_swarm(
                {
                    "AdvertiseAddr": "10.88.0.34",
                    "DataPathAddr": "10.88.0.34",
                    "ListenAddr": "0.0.0.0:2377",
                    "DefaultAddrPool": ["10.20.0.0/16"],
                    "SubnetSize": 24,
                    "Spec": {"Labels": {"made": "true"}},
                }
            )

    def join(self, token: str) -> None:
        self.worker.join_swarm(
            {
                "AdvertiseAddr": "10.88.0.35",
                "DataPathAddr": "10.88.0.35",
                "ListenAddr": "0.0.0.0:2377",
                "RemoteAddrs": ["10.88.0.34:2377"],
                "JoinToken": token,
            }
        )


ON_THE_LAB = pytest.param("lab", marks=[pytest.mark.lab, pytest.mark.xdist_group("spare")])


@pytest.fixture(scope="module", params=["fake", ON_THE_LAB])
def engines(request: pytest.FixtureRequest) -> Iterator[Pair]:
    if request.param == "fake":
        yield _pair(fake_fleet(HOSTS))
        return
    spare = request.getfixturevalue("spare_lab")
    state: Path = spare.places.state
    hosts = tuple(
        Host(
            one.name, one.address, one.role, one.port, one.user, state / "id_ed25519", advertise_addr=one.advertise_addr
        )
        for one in HOSTS
    )
    with reach(Inventory(state / "inventory.yaml", "contract", hosts, known_hosts=state / "known_hosts")) as fleet:
        try:
            yield _pair(fleet)
        finally:
            for name in ("Y", "X"):
                spare.leave_swarm(name)


def _pair(fleet: Fleet) -> Pair:
    return Pair(fleet["X"].engine, fleet["Y"].engine)


@pytest.fixture
def swarm(engines: Pair) -> Pair:
    """The pair with a swarm on its manager; the worker is in none."""
    engines.form_swarm()
    return engines
