"""A driver of logs or volumes that no host has: the scheduler would find no node, and say so when waited for alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fakes.running import run_once
from fakes.swarm import fake_fleet

from swarmkit.declared.inventory.host import Host, Inventory
from swarmkit.declared.stack.container_options import Logging
from swarmkit.declared.stack.service import Mount, Service, Stack, Volume
from swarmkit.observed.model import Observed
from swarmkit.observed.observe import observe
from swarmkit.plan.declaration import Declared
from swarmkit.plan.planner import make_plan
from swarmkit.plan.stacks.lacking_drivers import lacking_drivers

HOSTS = (Host("A", "10.88.0.11", "manager"), Host("B", "10.88.0.12", "worker"))
INVENTORY = Inventory(Path("i.yaml"), "prod", HOSTS)
USUAL = {("Log", "json-file"), ("Log", "local"), ("Volume", "local"), ("Network", "overlay")}


def seen(*more_on_b: tuple[str, str], of_a: set[tuple[str, str]] = USUAL) -> Observed:
    fleet = fake_fleet(INVENTORY)
    run_once(fleet, Declared(INVENTORY))
    observed = observe(fleet, kernel="never")
    assert observed.cluster
    has = {observed.hosts["A"].engine.node_id: of_a, observed.hosts["B"].engine.node_id: USUAL | {*more_on_b}}
    nodes = tuple(replace(node, plugins=frozenset(has[node.id])) for node in observed.cluster.nodes)
    return replace(observed, cluster=replace(observed.cluster, nodes=nodes))


def stack_of(*, log: str = "", volume: str | None = None, external: bool = False) -> Stack:
    mounts = (Mount("volume", "/data", "data"),)
    service = Service("app", "app:1", mounts=mounts, logging=Logging(log) if log else None, place="stack.yaml:2")
    volumes = (Volume("data", "shop_data", driver=volume, external=external),)
    return Stack(Path("stack.yaml"), "shop", (service,), volumes=volumes)


def lacking(stack: Stack, observed: Observed) -> list[str]:
    return list(lacking_drivers(stack.services[0], stack, HOSTS, observed))


def test_drivers_that_every_engine_has_or_that_the_file_leaves_out_lack_nowhere() -> None:
    for stack in (stack_of(), stack_of(log="json-file", volume="local"), stack_of(log="none"), stack_of(volume="")):
        assert lacking(stack, seen()) == []


def test_a_driver_that_no_host_has_is_told_by_its_kind() -> None:
    assert lacking(stack_of(log="loki", volume="rexray/ebs"), seen()) == [
        "volume driver rexray/ebs",
        "log driver loki",
    ]


@pytest.mark.parametrize("name", ["loki", "loki:latest"])
def test_one_host_with_the_driver_is_enough_and_its_tag_may_be_left_out(name: str) -> None:
    assert lacking(stack_of(log="loki"), seen(("Log", name))) == []


def test_a_driver_of_another_kind_or_another_tag_does_not_do() -> None:
    assert lacking(stack_of(log="loki"), seen(("Volume", "loki"), ("Log", "loki:2.9"))) == ["log driver loki"]


def test_a_volume_that_is_there_already_needs_no_driver_from_the_file() -> None:
    assert lacking(stack_of(volume="rexray/ebs", external=True), seen()) == []


def test_a_host_that_is_no_node_yet_or_tells_of_no_plugins_may_have_any() -> None:
    bare = observe(fake_fleet(INVENTORY), kernel="never")
    assert lacking(stack_of(log="loki"), bare) == []
    assert lacking(stack_of(log="loki"), seen(of_a={("Volume", "local")})) == []


def test_the_plan_warns_before_anything_is_changed() -> None:
    plan = make_plan(Declared(INVENTORY, stack_of(log="loki")), seen())
    (warning,) = (one for one in plan.warnings if "loki" in one.what)
    assert (warning.code, warning.where, warning.what) == ("B42", "app", "no log driver loki is on A, B")
    assert "on each of A, B: docker plugin install" in warning.remedy
