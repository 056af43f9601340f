"""The two laws: applied, a plan leaves nothing to do; stopped anywhere and run again, it ends in the same state."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from fakes.running import StopsAfter, plan_on, run_once, state_of
from fakes.swarm import FakeFleet, fake_fleet, write_archive
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swarmkit.declared.inventory.host import Availability, Host, Inventory
from swarmkit.declared.stack.image_archive import ImageArchive, read_image_archive
from swarmkit.declared.stack.service import Deploy, FileReference, Network, SecretFile, Service, ServiceNetwork, Stack
from swarmkit.plan.declaration import Declared
from swarmkit.reach.ssh import ConnectionLostError
from swarmkit.secret import Secret


def examples(count: int) -> settings:
    every_check = list(HealthCheck)
    return settings(
        max_examples=count, deadline=None, derandomize=True, database=None, suppress_health_check=every_check
    )


_FOLDER = tempfile.TemporaryDirectory()
IMAGES = ("front:1", "back:1", "registry.example/base:3")


@functools.cache
def archives() -> dict[str, ImageArchive]:
    folder = Path(_FOLDER.name)
    for number, image in enumerate(IMAGES[:2]):
        write_archive(folder / f"{number}.tar", image)
    return {image: read_image_archive(folder / f"{number}.tar") for number, image in enumerate(IMAGES[:2])}


@st.composite
def inventories(draw: st.DrawFn) -> Inventory:
    count = draw(st.integers(1, 5))
    managers = draw(st.sampled_from([number for number in (1, 3, 5) if number <= count]))
    active = draw(st.integers(0, count - 1))
    hosts = []
    for number in range(count):
        availability: Availability = (
            "active" if number == active else draw(st.sampled_from(("active", "pause", "drain")))
        )
        labels = draw(st.dictionaries(st.sampled_from("xy"), st.sampled_from("12"), max_size=2))
        hosts.append(
            Host(
                f"h{number}", f"10.88.0.{number + 1}", "manager" if number < managers else "worker",
                labels={"id": f"h{number}", **labels} if draw(st.booleans()) or number == active else labels,
                availability=availability,
            )
        )  # fmt: skip
    return Inventory(Path("inventory.yaml"), "prod", tuple(draw(st.permutations(hosts))))


@st.composite
def stacks(draw: st.DrawFn, inventory: Inventory) -> Stack:
    networks = tuple(
        Network(key, f"shop_{key}", attachable=key == "n1")
        for key in draw(st.lists(st.sampled_from(("n1", "n2")), min_size=1, unique=True))
    )
    secrets = tuple(
        SecretFile(key, f"shop_{key}", Secret(draw(st.sampled_from((b"one", b"two")))))
        for key in draw(st.lists(st.sampled_from(("s1", "s2")), unique=True))
    )
    names = draw(st.permutations(("a", "b", "c", "d")))[: draw(st.integers(1, 4))]
    places = [()] + [(f"node.labels.id == {host.name}",) for host in inventory.hosts if is_target(host)]
    services = []
    for position, name in enumerate(names):
        services.append(
            Service(
                name,
                draw(st.sampled_from(IMAGES)),
                environment={"LEVEL": draw(st.sampled_from(("low", "high")))},
                networks=tuple(ServiceNetwork(network.key) for network in networks if draw(st.booleans())),
                secrets=tuple(FileReference(one.key, one.key) for one in secrets if draw(st.booleans())),
                depends_on={one: "service_healthy" for one in names[:position] if draw(st.booleans())},
                deploy=Deploy(
                    mode=draw(st.sampled_from(("replicated", "replicated", "global"))),
                    replicas=draw(st.integers(0, 3)),
                    constraints=draw(st.sampled_from(places)),
                ),
            )
        )
    shuffled = tuple(draw(st.permutations(services)))
    return Stack(Path("stack.yaml"), "shop", shuffled, networks=networks, secrets=secrets)


def is_target(host: Host) -> bool:
    return host.availability == "active" and "id" in host.labels


@st.composite
def clusters(draw: st.DrawFn) -> Declared:
    inventory = draw(inventories())
    return Declared(inventory, draw(stacks(inventory)), archives(), prune=True)


@st.composite
def changes(draw: st.DrawFn) -> tuple[Declared, Declared]:
    """What was declared before, on the same hosts, and what is declared now."""
    before = draw(clusters())
    assert before.stack
    stack = in_their_modes(draw(stacks(before.inventory)), before.stack)
    inventory = replace(before.inventory, encrypt_ingress=draw(st.booleans()))
    return before, replace(before, inventory=inventory, stack=stack, prune=draw(st.booleans()))


def in_their_modes(now: Stack, before: Stack) -> Stack:
    """Return *now* with the modes of *before*, which an engine does not change."""
    modes = {service.name: service.deploy.mode for service in before.services}
    services = (
        replace(one, deploy=replace(one.deploy, mode=modes.get(one.name, one.deploy.mode))) for one in now.services
    )
    return replace(now, services=tuple(services))


@examples(70)
@given(clusters())
def test_after_an_applied_plan_nothing_is_left_to_do(declared: Declared) -> None:
    fleet = fake_fleet(declared.inventory)
    _, applied = run_once(fleet, declared)
    assert applied.failed == ()
    again = plan_on(fleet, declared)
    assert [operation.step.key for operation in again.operations] == []
    assert again.refusals == ()


@examples(35)
@given(changes())
def test_after_an_applied_change_nothing_is_left_to_do(declared: tuple[Declared, Declared]) -> None:
    before, now = declared
    fleet = fake_fleet(now.inventory)
    run_once(fleet, before)
    _, applied = run_once(fleet, now)
    assert applied.failed == ()
    assert [operation.step.key for operation in plan_on(fleet, now).operations] == []


@dataclass(frozen=True)
class Interruption:
    kind: Literal["cancelled", "lost before", "lost after"]
    number: int


class LosesConnection:
    """Breaks the connection at one write, before or after the engine has done it."""

    def __init__(self, interruption: Interruption) -> None:
        self.interruption, self.count = interruption, 0

    def __call__(self, action: str, write: Callable[[], Any]) -> Any:
        self.count += 1
        if self.count != self.interruption.number:
            return write()
        if self.interruption.kind == "lost after":
            write()
        raise ConnectionLostError(f"no answer to: {action}")


def interrupted_run(fleet: FakeFleet, declared: Declared, interruption: Interruption) -> None:
    if interruption.kind == "cancelled":
        run_once(fleet, declared, StopsAfter(interruption.number))
        return
    fleet.intercept(LosesConnection(interruption))
    run_once(fleet, declared)
    fleet.intercept(lambda _, write: write())


def finish(fleet: FakeFleet, declared: Declared) -> None:
    for _ in range(3):
        plan, applied = run_once(fleet, declared)
        assert applied.failed == ()
        if plan.is_empty:
            return
    raise AssertionError([operation.step.key for operation in plan_on(fleet, declared).operations])


interruptions = st.builds(Interruption, st.sampled_from(("cancelled", "lost before", "lost after")), st.integers(1, 24))


@examples(70)
@given(clusters(), interruptions)
def test_stopped_anywhere_and_run_again_it_ends_in_the_same_state(
    declared: Declared, interruption: Interruption
) -> None:
    undisturbed, disturbed = fake_fleet(declared.inventory), fake_fleet(declared.inventory)
    finish(undisturbed, declared)
    interrupted_run(disturbed, declared, interruption)
    finish(disturbed, declared)
    assert state_of(disturbed) == state_of(undisturbed)


@examples(35)
@given(changes(), interruptions)
def test_a_change_stopped_anywhere_and_run_again_ends_in_the_same_state(
    declared: tuple[Declared, Declared], interruption: Interruption
) -> None:
    before, now = declared
    undisturbed, disturbed = fake_fleet(now.inventory), fake_fleet(now.inventory)
    for fleet in (undisturbed, disturbed):
        finish(fleet, before)
    finish(undisturbed, now)
    interrupted_run(disturbed, now, interruption)
    finish(disturbed, now)
    assert state_of(disturbed) == state_of(undisturbed)
