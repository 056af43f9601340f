"""One lab host as a swarm on which both tools deploy: many stacks at a time, read back in a few calls.

The host is drained: the swarm takes and allocates everything, and no task is started. The judge runs on this machine,
on the host's engine.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from lab.spare_lab import SpareLab
from parity.corpus import OUTSIDE, Case, external_objects
from parity.differences import NAMESPACE, REFUSALS_PASSED_OVER, Specs, by_stack
from parity.judge import docker_cli

from swarmkit import lab as room
from swarmkit.declared.inventory.host import Inventory
from swarmkit.declared.inventory.reading import load_inventory
from swarmkit.declared.stack.service import Stack
from swarmkit.lab import LabHost, Places
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.apply import apply
from swarmkit.plan.context import Context
from swarmkit.plan.data.planning import StackData
from swarmkit.plan.model import Operation, Plan, Step
from swarmkit.plan.progress import Silent
from swarmkit.plan.stacks.networks import StackNetworks
from swarmkit.plan.stacks.planner import StackPlanner
from swarmkit.reach.engine import Engine, EngineError, Kind
from swarmkit.reach.fleet import Fleet, reach
from swarmkit.workflows.export import Exported, exported

KINDS: tuple[Kind, ...] = ("services", "networks", "secrets", "configs")
_INVENTORY = """
all:
  vars:
    ansible_user: root
    ansible_ssh_private_key_file: {places.private_key}
    swarm_known_hosts: {places.known_hosts}
    swarm_overlay_encryption: as-declared
    swarm_advertise_addr: {host.data_address}
  children: {{managers: {{hosts: {{{host.name}: {{ansible_host: {host.address}}}}}}}}}
"""
_ENGINES_NETWORKS = frozenset({"ingress", "bridge", "host", "none", "docker_gwbridge"})
_AT_ONCE = 8
_CLEAR_SECONDS = 120.0


@dataclass(frozen=True)
class Takeover:
    """What swarmkit plans where docker's tool has deployed the same file."""

    made: frozenset[str]
    paths: frozenset[str]
    """What of services would change."""
    others: frozenset[str]
    """Operations that concern neither services nor the contents of files."""
    told: frozenset[str]
    """What is told to get a successor."""
    files: frozenset[str]
    """The plain names of the contents that the file declares."""


@dataclass(frozen=True)
class EngineRoom:
    inventory: Inventory
    fleet: Fleet
    judge: Path
    socket: Path
    """The host's engine on this machine, for the judge."""

    @property
    def engine(self) -> Engine:
        return next(iter(self.fleet.values())).engine

    def makes_external_objects(self, cases: list[Case]) -> None:
        """Make what the stacks call external, as an operator has made it before either tool deploys."""
        _make_external_objects(self.engine, external_objects(cases))

    def docker_deploys(self, cases: list[Case]) -> dict[str, str]:
        """Deploy each stack with docker's own tool and return what it said, by stack."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip([case.name for case in cases], pool.map(self._docker_deploys, cases), strict=True))

    def _docker_deploys(self, case: Case) -> str:
        files = [word for path in case.files for word in ("-c", path.name)]
        command = [self.judge, "stack", "deploy", "--resolve-image", "never", "--detach=true", *files, case.name]
        environment = {"PATH": os.environ["PATH"], "DOCKER_HOST": f"unix://{self.socket}", **case.environment}
        done = subprocess.run(
            command, cwd=case.folder, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"docker does not deploy {case.name}:\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def swarmkit_deploys(self, cases: list[Case]) -> None:
        """Plan and apply each stack on the swarm as it is, but for the waits: no task runs on a drained host."""
        observed = observe(self.fleet, kernel="never")
        operations: list[Operation] = []
        for case in cases:
            planner = self._planner(case.load(), observed)
            planned = planner.operations()
            refused = [finding for finding in planner.refusals if finding.code not in REFUSALS_PASSED_OVER]
            assert not refused, f"swarmkit refuses {case.name}: {refused}"
            operations += planned
        waits = {operation.step.key for operation in operations if operation.step.verb == "wait"}
        writes = tuple(_without(operation, waits) for operation in operations if operation.step.key not in waits)
        applied = apply(Plan(writes), Context(self.fleet, Silent(), next(iter(self.fleet))))
        assert not applied.failed, [f"{one.step.key}: {one.error}" for one in applied.failed]

    def _planner(self, stack: Stack, observed: Observed) -> StackPlanner:
        return StackPlanner(
            inventory=self.inventory,
            stack=stack,
            observed=observed,
            archives={},
            prune=False,
            networks=StackNetworks(self.inventory, stack, observed, recreate=False, swarm_ready=frozenset()),
            swarm_ready=frozenset(),
            node_keys={},
            data=StackData(stack, None, observed),
        )

    def read_back(self) -> dict[str, Specs]:
        """Return what the swarm holds, by stack."""
        raw = {kind: self.engine.find(kind) for kind in KINDS}
        observed = observe(self.fleet, kernel="never").cluster
        assert observed
        return by_stack(raw, {network.id: network.name for network in observed.networks})

    def exports(self, cases: list[Case]) -> dict[str, Exported]:
        """Return what `swarmkit export` writes of each stack as it runs now, by stack."""
        observed = observe(self.fleet, kernel="never")
        return {case.name: exported(self.inventory, case.name, observed) for case in cases}

    def takes_over(self, cases: list[Case]) -> dict[str, Takeover]:
        """Plan each stack over what runs, which docker's tool has deployed."""
        observed = observe(self.fleet, kernel="never")
        found = {}
        for case in cases:
            stack = case.load()
            planner = self._planner(stack, observed)
            steps = [operation.step for operation in planner.operations()]
            made = frozenset(step.target for step in steps if step.verb == "create" and step.subject != "service")
            paths = frozenset(change.path for step in steps for change in step.changes)
            others = frozenset(f"{step.verb} {step.key}" for step in steps if _is_more_than_files(step))
            told = frozenset(one.where for one in planner.warnings if one.code == "H78")
            files = frozenset(one.name for one in (*stack.secrets, *stack.configs) if one.content is not None)
            found[case.name] = Takeover(made, paths, others, told, files)
        return found

    def clear(self) -> None:
        """Remove every object of a stack, and return when none is left."""
        self._clear(_is_of_stack)

    def clear_all(self) -> None:
        """Remove what was made beforehand too: the next stacks may declare what these call external."""
        self._clear(lambda one: not _is_engines_own(one))

    def _clear(self, is_meant: Callable[[dict[str, Any]], bool]) -> None:
        deadline = time.monotonic() + _CLEAR_SECONDS
        while left := [(kind, one) for kind in KINDS for one in self.engine.find(kind) if is_meant(one)]:
            assert time.monotonic() < deadline, f"the engine keeps {left}"
            for kind in KINDS:
                with ThreadPoolExecutor(_AT_ONCE) as pool:
                    list(pool.map(lambda one: self._remove(*one), [pair for pair in left if pair[0] == kind]))

    def _remove(self, kind: Kind, item: dict[str, Any]) -> None:
        # What is in use for a moment longer is removed after the next look.
        with suppress(EngineError):
            self.engine.remove(kind, str(item.get("Id") or item["ID"]))


def _is_more_than_files(step: Step) -> bool:
    """Tell of what is no content, no record of what ran, no update of a service and no wait for one."""
    return step.verb not in ("wait", "update") and step.subject not in ("secret", "config")


def _without(operation: Operation, waits: set[str]) -> Operation:
    step = replace(operation.step, after=operation.step.after - waits)
    return cast("Operation", replace(cast("Any", operation), step=step))


def _is_of_stack(item: dict[str, Any]) -> bool:
    """Tell by the label; a network that is made from another has none, and is a stack's unless it is outside."""
    made_from = str((item.get("ConfigFrom") or {}).get("Network") or OUTSIDE)
    return NAMESPACE in (item.get("Spec", item).get("Labels") or {}) or not made_from.startswith(OUTSIDE)


def _is_engines_own(item: dict[str, Any]) -> bool:
    return item.get("Name") in _ENGINES_NETWORKS


@contextmanager
def engine_room(engine: str, number: int) -> Iterator[EngineRoom]:
    """Boot a host with the lab's engine *engine*, make a drained swarm of it, and end it afterwards."""
    judge = docker_cli()
    with tempfile.TemporaryDirectory(prefix="swarmkit-parity-") as folder:
        state = Path(folder) / "swarmkit" / "lab"
        places = Places(state=state, cache=Places.from_environment().cache)
        host = LabHost("P", number, engine=engine, memory_megabytes=768)
        try:
            room.up(places, (host,))
            lab = SpareLab(places, Path(folder))
            lab.run("P", f"docker swarm init --advertise-addr {host.data_address}")
            lab.run("P", "docker node update --availability drain $(docker node ls -q)")
            inventory = Path(folder) / "inventory.yaml"
            inventory.write_text(_INVENTORY.format(places=places, host=host))
            declared = load_inventory(inventory)
            socket = Path(folder) / "engine.sock"
            with _forwarded(places, lab, socket), reach(declared) as fleet:
                yield EngineRoom(declared, fleet, judge, socket)
        finally:
            room.down(places)


@contextmanager
def _forwarded(places: Places, lab: SpareLab, socket: Path) -> Iterator[None]:
    command = room.ssh_command(places, lab.status("P"))
    forward = [*command[:-1], "-N", "-o", "ExitOnForwardFailure=yes", "-L", f"{socket}:/run/docker.sock", command[-1]]
    with subprocess.Popen(forward) as process:
        try:
            deadline = time.monotonic() + 60
            while not socket.exists():
                assert process.poll() is None, "ssh does not forward the engine's socket"
                assert time.monotonic() < deadline, "the engine's socket is not forwarded"
                time.sleep(0.1)
            yield
        finally:
            process.terminate()


def _make_external_objects(engine: Engine, names: dict[str, list[str]]) -> None:
    for name in names["networks"]:
        _make_network(engine, name, name.removeprefix(OUTSIDE) if name.startswith(OUTSIDE) else "overlay")
    for kind in ("secrets", "configs"):
        for name in names[kind]:
            engine.create(cast("Kind", kind), {"Name": name, "Labels": {}, "Data": "eA=="})


def _make_network(engine: Engine, name: str, driver: str) -> None:
    body: dict[str, Any] = {"Name": name, "Driver": driver, "Scope": "swarm", "Attachable": True}
    if driver in ("macvlan", "ipvlan"):
        settings = f"{name}-config"
        subnets = {"Config": [{"Subnet": "192.0.2.0/24"}]}
        engine.create("networks", {"Name": settings, "ConfigOnly": True, "IPAM": subnets})
        body["ConfigFrom"] = {"Network": settings}
    engine.create("networks", body)
