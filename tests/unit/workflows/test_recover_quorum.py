"""`recover quorum` on hosts in memory, of which some come back while the plan waits for its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.certificates import node_certificate
from fakes.cluster import Refused
from fakes.running import run_once
from fakes.swarm import FakeFleet, FakeShell, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import UnreachableError
from swarmkit.observed.model import RECOVERY_LABEL
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Silent
from swarmkit.reach.ssh import CommandResult
from swarmkit.secret import Secret
from swarmkit.workflows.recover import recover_quorum
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import RefusedError

INVENTORY = Inventory(
    Path("inventory.yaml"), "prod", tuple(Host(name, f"10.88.0.{n}", "manager") for n, name in enumerate("ABC", 11))
)


class Lost:
    """Three managers of which A is left, without a leader, and B and C are silent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fleet = fake_fleet(INVENTORY)
        run_once(self.fleet, Declared(INVENTORY))
        self.silent = {"B", "C"}
        for engine in self.fleet.engines:
            engine.info_changes = {"DockerRootDir": "/var/lib/docker"}
        engine = self.fleet.engine("A")
        self.cluster = engine.cluster
        assert self.cluster
        certificate = node_certificate(self.cluster.id, "swarm-manager")
        for reached in self.fleet.values():
            assert isinstance(reached.shell, FakeShell)
            reached.shell.answer = lambda *_: CommandResult(0, f"raft 2 37\n{certificate}", "")
        self.patch = monkeypatch
        monkeypatch.setattr(engine, "_cluster", self._no_leader)
        monkeypatch.setattr("swarmkit.workflows.recover.reach_some", self._reached)

    @staticmethod
    def _no_leader() -> None:
        raise Refused(503, "The swarm does not have a leader")

    def leads_again(self) -> None:
        self.patch.setattr(self.fleet.engine("A"), "_cluster", lambda: self.cluster)

    @contextmanager
    def _reached(self, inventory: Inventory, **_: object) -> Iterator[tuple[FakeFleet, dict[str, UnreachableError]]]:
        answer = [host.name for host in inventory.hosts if host.name not in self.silent]
        if not answer:
            raise UnreachableError("no host answers")
        yield self.fleet.of("".join(answer)), dict.fromkeys(self.silent, UnreachableError("cannot be reached"))

    def recover(self, meanwhile: Callable[[], object]) -> RefusedError:
        """Run it with *meanwhile* between the plan and the answer yes; nothing may be written."""
        writes = self.fleet.world.writes

        def agree(plan: Plan) -> bool:
            assert not plan.refusals
            meanwhile()
            return True

        with pytest.raises(RefusedError) as refused:
            recover_quorum(INVENTORY, Terms(Silent(), agree), lost="BC", going_on="", unlock_key=Secret(b""))
        assert self.fleet.world.writes == writes
        return refused.value


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> Lost:
    return Lost(monkeypatch)


def told(refused: RefusedError) -> list[tuple[str, str]]:
    return [(finding.where, finding.what) for finding in refused.plan.refusals]


def test_nothing_is_forced_when_a_lost_manager_came_back_before_the_plan_was_agreed_to(lost: Lost) -> None:
    assert told(lost.recover(lambda: lost.silent.remove("C"))) == [("C", "is said to be lost, but it answers by now")]


def test_nothing_is_forced_when_the_swarm_has_a_leader_again_before_the_plan_was_agreed_to(lost: Lost) -> None:
    assert told(lost.recover(lost.leads_again)) == [("swarm", "has a leader again")]


def test_a_lost_manager_that_is_back_and_has_ended_its_raft_leaves_its_swarm_too(
    lost: Lost,
) -> None:
    """An engine ends its raft when the swarm that went on answers it: its certificate alone tells its role then."""
    lost.leads_again()
    lost.silent.clear()
    assert lost.cluster
    lost.cluster.spec["Labels"] = {**lost.cluster.spec["Labels"], RECOVERY_LABEL: "1"}
    del lost.cluster.nodes[lost.fleet.engine("B").node_id]
    asked: list[Plan] = []
    terms = Terms(Silent(), lambda plan: bool(asked.append(plan)))
    assert recover_quorum(INVENTORY, terms, lost=(), going_on="", unlock_key=Secret(b"")) is None
    assert [operation.step.key for operation in asked[0].operations] == ["leave:B"]
