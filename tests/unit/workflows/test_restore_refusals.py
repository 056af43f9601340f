"""`restore` on hosts in memory: what is refused by what hosts say of themselves, with nothing written."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fakes.manager_state import FILES, packed_state
from fakes.running import run_once
from fakes.swarm import FakeFleet, FakeShell, fake_fleet

from swarmkit.declared.host import Host, Inventory
from swarmkit.plan.declaration import Declared
from swarmkit.plan.model import Plan
from swarmkit.plan.progress import Silent
from swarmkit.reach.ssh import CommandResult
from swarmkit.recovery.archive import Archive
from swarmkit.recovery.archive_writer import STATE
from swarmkit.recovery.keys import Opener
from swarmkit.recovery.manifest import Manifest, NodeEntry
from swarmkit.secret import Secret
from swarmkit.workflows.restore import Agreed, restore
from swarmkit.workflows.up import RefusedError

HOSTS = (Host("A", "10.88.0.11", "manager"), Host("D", "10.88.0.14", "worker"))
ELSEWHERE = (Host("X", "10.88.0.21", "manager"), HOSTS[1])


def node_certificate(cluster: str, role: str = "swarm-worker", node: str = "n7") -> str:
    names = x509.NameOID
    said = ((names.ORGANIZATION_NAME, cluster), (names.ORGANIZATIONAL_UNIT_NAME, role), (names.COMMON_NAME, node))
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in said])
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(tz=datetime.UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(90))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@dataclass
class Told:
    """What the scripts find on the hosts beside their facts."""

    certificates: dict[str, str] = field(default_factory=dict)

    def at(self, name: str, script: str) -> CommandResult:
        found = self.certificates.get(name, "") if "swarm-node.crt" in script else ""
        return CommandResult(0, found, "")


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
    def reached(inventory: Inventory, **_: object) -> Iterator[tuple[FakeFleet, dict[str, str]]]:
        silent = {host.name: "cannot be reached" for host in inventory.hosts if host.name not in fleet}
        yield fleet, silent

    monkeypatch.setattr("swarmkit.workflows.restore.reach_some", reached)
    return fleet


def restoring(fleet: FakeFleet, told: Told, archive: Archive, agreed: Agreed | None = None) -> Plan:
    """Return the plan that is asked about, or the one that is refused; nothing may be written."""
    plans: list[Plan] = []
    for name, reached in fleet.items():
        assert isinstance(reached.shell, FakeShell)
        reached.shell.answer = lambda script, _, name=name: told.at(name, script)
    writes = fleet.world.writes
    inventory = Inventory(Path("inventory.yaml"), "prod", HOSTS)
    try:
        restore(inventory, archive, agreed or Agreed(), progress=Silent(),
                confirm=lambda plan: bool(plans.append(plan)))  # fmt: skip
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
