"""`restore` on hosts in memory: what is refused by what hosts say of themselves, with nothing written."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fakes.certificates import node_certificate
from fakes.manager_state import FILES, packed_state
from fakes.running import run_once
from fakes.swarm import FakeFleet, FakeShell, fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.errors import SwarmkitError, UnreachableError
from swarmkit.observed.raft import RaftFacts
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Silent
from swarmkit.plan.states.recovery_operations import RESTORED_LABEL, mark_recovered
from swarmkit.reach.fleet import Unreached
from swarmkit.reach.ssh import CommandResult
from swarmkit.recovery.archive import Archive
from swarmkit.recovery.archive_writer import STATE
from swarmkit.recovery.keys import Opener
from swarmkit.recovery.manifest import Manifest, NodeEntry
from swarmkit.secret import Secret
from swarmkit.workflows.restore import restore
from swarmkit.workflows.restore_scene import Agreed, backup_of
from swarmkit.workflows.terms import Terms
from swarmkit.workflows.unfinished import RefusedError

HOSTS = (Host("A", "10.88.0.11", "manager"), Host("D", "10.88.0.14", "worker"))
ELSEWHERE = (Host("X", "10.88.0.21", "manager"), HOSTS[1])


@dataclass
class Told:
    """What the scripts find on the hosts beside their facts."""

    certificates: dict[str, str] = field(default_factory=dict)

    listening: dict[str, str] = field(default_factory=dict)
    """Address where a manager answers -> the cluster that it shows."""
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def at(self, name: str, script: str, arguments: tuple[str, ...]) -> CommandResult:
        if "2377" not in script:
            return CommandResult(0, self.certificates.get(name, "") if "swarm-node.crt" in script else "", "")
        self.asked.append((name, arguments))
        found = {address: self.listening[address] for address in arguments if address in self.listening}
        shown = {address: node_certificate(cluster) if cluster else "" for address, cluster in found.items()}
        lines = [f"answers {address} {text}".replace("\n", "|") for address, text in shown.items()]
        return CommandResult(0, "\n".join(lines), "")


def backup(nodes: Mapping[str, str] | None = None) -> Archive:
    entries = [("A", "10.88.0.11"), *(nodes or {}).items()]
    manifest = Manifest(
        made_at="2026-11-24T10:00:00+00:00", cluster="prod", cluster_id="c1", host="A", node_id="nA",
        advertise_addr="10.88.0.11", engine_version="26.1.5", autolock=False, unlock_key_id="", stopped_seconds=1.0,
        nodes=tuple(NodeEntry(name=name, id=f"n{name}", role="manager", address=address, labels={})
                    for name, address in entries),
        services=(), volumes=(), images=(), files={},
    )  # fmt: skip
    return Archive(Path("a.age"), Opener(Secret(b"secret")), manifest, {STATE: packed_state(FILES)})


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> FakeFleet:
    """A is bare, D a worker of a swarm that X, which the inventory has not, is the manager of."""
    everybody = fake_fleet((HOSTS[0], *ELSEWHERE))
    run_once(everybody.of("XD"), Declared(Inventory(Path("x.yaml"), "elsewhere", ELSEWHERE)))
    fleet = everybody.of("AD")
    for engine in fleet.engines:
        engine.info_changes = {"DockerRootDir": "/var/lib/docker"}

    @contextmanager
    def reached(inventory: Inventory, **_: object) -> Iterator[tuple[FakeFleet, Unreached]]:
        silent = {
            host.name: UnreachableError("cannot be reached") for host in inventory.hosts if host.name not in fleet
        }
        yield fleet, silent

    monkeypatch.setattr("swarmkit.workflows.restore.reach_some", reached)
    return fleet


def restoring(
    fleet: FakeFleet,
    told: Told,
    archive: Archive,
    agreed: Agreed | None = None,
    hosts: tuple[Host, ...] = HOSTS,
) -> Plan:
    """Return the plan that is asked about, or the one that is refused; nothing may be written."""
    plans: list[Plan] = []
    for name, reached in fleet.items():
        assert isinstance(reached.shell, FakeShell)
        reached.shell.answer = functools.partial(told.at, name)
    writes = fleet.world.writes
    inventory = Inventory(Path("inventory.yaml"), "prod", hosts)
    try:
        terms = Terms(Silent(), lambda plan: bool(plans.append(plan)))
        restore(inventory, archive, agreed or Agreed(), terms)
    except RefusedError as refused:
        plans.append(refused.plan)
    assert fleet.world.writes == writes
    return plans[0]


def test_a_worker_is_told_to_leave_only_when_its_certificate_is_of_the_backups_swarm(fleet: FakeFleet) -> None:
    for cluster, why in (("c2", "is in another swarm than the backup's"), ("", "is in a swarm that cannot be told")):
        (refusal,) = restoring(fleet, Told({"D": node_certificate(cluster) if cluster else ""}), backup()).refusals
        assert (refusal.code, refusal.where, refusal.what) == ("H49", "D", why)
    plan = restoring(fleet, Told({"D": node_certificate("c1")}), backup())
    assert "leave:D" in [operation.step.key for operation in plan.operations]


def test_a_manager_that_an_engine_does_not_tell_of_is_told_by_its_certificate(fleet: FakeFleet) -> None:
    fleet.engine("D").info_changes["Swarm"] = {"LocalNodeState": "locked", "NodeID": "", "NodeAddr": "", "Error": ""}
    plan = restoring(fleet, Told({"D": node_certificate("c1", "swarm-manager")}), backup())
    assert [(refusal.where, refusal.what) for refusal in plan.refusals] == [("D", "is a manager that lives")]


OF_D = {"D": node_certificate("c1")}


def test_a_manager_that_comes_back_while_the_plan_waits_for_its_answer_stops_it(fleet: FakeFleet) -> None:
    told = Told(OF_D)
    for name, reached in fleet.items():
        assert isinstance(reached.shell, FakeShell)
        reached.shell.answer = functools.partial(told.at, name)
    writes = fleet.world.writes

    def agree(plan: Plan) -> bool:
        assert not plan.refusals
        told.listening["10.88.0.12"] = "c1"
        return True

    archive, agreed = backup({"B": "10.88.0.12"}), Agreed(lost=frozenset("B"))
    with pytest.raises(RefusedError) as refused:
        restore(Inventory(Path("inventory.yaml"), "prod", HOSTS), archive, agreed, Terms(Silent(), agree))
    assert why(refused.value.plan) == [("B", ALIVE)]
    assert fleet.world.writes == writes


def test_a_restored_swarm_whose_first_manager_is_off_again_is_gone_on_with_by_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = (Host("B", "10.88.0.12", "manager"), HOSTS[1])
    fleet = fake_fleet(others)
    run_once(fleet, Declared(Inventory(Path("x.yaml"), "prod", others)))
    for reached in fleet.values():
        assert isinstance(reached.shell, FakeShell)
        reached.shell.answer = functools.partial(Told().at, reached.host.name)
    for engine in fleet.engines:
        engine.info_changes = {"DockerRootDir": "/var/lib/docker"}
    archive = backup()
    manager = fleet.engine("B")
    mark_recovered(manager, {RESTORED_LABEL: backup_of(archive).identity})

    @contextmanager
    def reached_ones(_: Inventory, **__: object) -> Iterator[tuple[FakeFleet, Unreached]]:
        yield fleet, {"A": UnreachableError("cannot be reached")}

    monkeypatch.setattr("swarmkit.workflows.restore.reach_some", reached_ones)
    monkeypatch.setattr("swarmkit.workflows.restore.PROOF_PATIENCE_SECONDS", 0.0)
    inventory = Inventory(Path("inventory.yaml"), "prod", (HOSTS[0], *others))
    report = restore(inventory, archive, Agreed(), Terms(Silent(), lambda _: True))
    assert report
    assert not report.applied


ALIVE = "was a manager of the backup, and one lives where it was"
MAY_LIVE = "was a manager of the backup, and may be one that lives"


def why(plan: Plan) -> list[tuple[str, str]]:
    return [(refusal.where, refusal.what) for refusal in plan.refusals]


@pytest.mark.parametrize("shown", ["c1", ""])
def test_a_manager_of_then_that_left_the_inventory_and_lives_is_found_at_its_address(
    fleet: FakeFleet, shown: str
) -> None:
    told = Told(OF_D, {"10.88.0.12": shown})
    plan = restoring(fleet, told, backup({"B": "10.88.0.12"}), Agreed(lost=frozenset("B")))
    assert told.asked == [("A", ("10.88.0.12",))]
    assert why(plan) == [("B", ALIVE)]
    assert plan.refusals[0].code == "H54"
    assert "10.88.0.12:2377 answers" in plan.refusals[0].evidence


@pytest.mark.parametrize("listening", [{}, {"10.88.0.12": "c2"}])
def test_one_that_does_not_answer_has_to_be_named_as_lost(fleet: FakeFleet, listening: dict[str, str]) -> None:
    told = Told(OF_D, listening)
    archive = backup({"B": "10.88.0.12", "C": "0.0.0.0"})
    plan = restoring(fleet, told, archive, Agreed(lost=frozenset("C")))
    assert why(plan) == [("B", MAY_LIVE)]
    assert "--lost B" in plan.refusals[0].remedy
    plan = restoring(fleet, told, archive, Agreed(lost=frozenset("BC")))
    assert not plan.refusals
    (warning,) = (warning for warning in plan.warnings if "may come back" in warning.what)
    assert warning.where == "B, C"
    assert "the backup has no address of C" in warning.evidence
    assert ("answers for another cluster, c2" in warning.evidence) is bool(listening)
    assert {arguments for _, arguments in told.asked} == {("10.88.0.12",)}


def test_a_manager_of_then_that_is_declared_a_worker_and_silent_may_live(fleet: FakeFleet) -> None:
    hosts = (*HOSTS, Host("B", "10.88.0.12", "worker"))
    archive = backup({"B": "10.88.0.12"})
    plan = restoring(fleet, Told(OF_D), archive, hosts=hosts)
    assert why(plan) == [("B", MAY_LIVE)]
    assert "cannot be reached; 10.88.0.12:2377 does not answer" in plan.refusals[0].evidence
    assert why(restoring(fleet, Told(OF_D, {"10.88.0.12": "c1"}), archive, hosts=hosts)) == [("B", ALIVE)]
    # Declared as a manager it is asked about once, as ever, and its address is tried also when it is said to be lost.
    hosts = (*HOSTS, Host("B", "10.88.0.12", "manager"))
    assert why(restoring(fleet, Told(OF_D), archive, hosts=hosts)) == [
        ("B", "does not answer, and may be a manager that lives")
    ]
    alive = Told(OF_D, {"10.88.0.12": "c1"})
    assert why(restoring(fleet, alive, archive, Agreed(lost=frozenset("B")), hosts)) == [("B", ALIVE)]


def test_a_manager_that_lives_at_an_old_address_stops_a_move_to_new_ones(fleet: FakeFleet) -> None:
    archive = backup({"D": "10.88.0.99"})
    moved = Archive(archive.path, archive.opener, archive.manifest.model_copy(
        update={"advertise_addr": "10.88.0.98"}), archive.small)  # fmt: skip
    agreed = Agreed(new_addresses=True)
    told = Told(OF_D, {"10.88.0.99": "c1"})
    assert why(restoring(fleet, told, moved, agreed)) == [("D", ALIVE)]
    assert told.asked == [("A", ("10.88.0.98", "10.88.0.99"))]
    assert why(restoring(fleet, Told(OF_D, {"10.88.0.98": ""}), moved, agreed)) == [("A", ALIVE)]


def test_managers_of_then_that_answer_for_themselves_are_not_asked_about(fleet: FakeFleet) -> None:
    told = Told(OF_D)
    assert not restoring(fleet, told, backup({"D": "10.88.0.14", "renamed": "10.88.0.14"})).refusals
    assert told.asked == []


def test_a_host_that_cannot_ask_is_told(fleet: FakeFleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Told, "at", lambda *_: CommandResult(1, "", "bash is not there\n"))
    monkeypatch.setattr("swarmkit.workflows.restore_scene.read_members", lambda *_: {"D": RaftFacts("c1")})
    with pytest.raises(SwarmkitError, match=r"A: cannot ask whether managers live at 10\.88\.0\.12") as caught:
        restoring(fleet, Told(), backup({"B": "10.88.0.12"}))
    assert caught.value.why == "bash is not there"
