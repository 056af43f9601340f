"""A stack that does not come up on real hosts: what `up` says of it, and the way down with its volume."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lab.shop_lab import Lab, Shop

pytestmark = pytest.mark.lab

STACK = """
services:
  mill:
    image: shop-backend:1.0
    entrypoint: [sh, -c, "echo the mill has no water; exec sleep 600"]
    stop_grace_period: 1s
    volumes: ["grain:/grain"]
    healthcheck: {test: [CMD-SHELL, "echo nothing turns; exit 3"], interval: 1s, timeout: 5s, retries: 1}
    deploy:
      placement: {constraints: [node.labels.role == backend]}
      restart_policy: {condition: none}
volumes: {grain: {}}
"""


@dataclass(frozen=True)
class Sick:
    """A stack of one service, brought onto the shop's hosts, that does not get healthy."""

    lab: Lab
    declared: list[str | Path]
    up: subprocess.CompletedProcess[str]

    def volumes(self, host: str) -> set[str]:
        return set(self.lab.run(host, "docker volume ls --format '{{.Name}}'").split())


@pytest.fixture(scope="module")
def sick(deployed_shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sick]:
    lab, stack = deployed_shop.lab, tmp_path_factory.mktemp("sick") / "stack.yaml"
    stack.write_text(STACK)
    declared: list[str | Path] = ["-i", lab.inventory, "-f", stack, "--stack", "sick"]
    up = lab.swarmkit("up", "--yes", *declared, "--images", deployed_shop.images)
    yield Sick(lab, declared, up)
    lab.swarmkit("down", "--keep-swarm", "--volumes", "--confirm", "lab", *declared)


def test_a_service_that_gets_unhealthy_ends_up_with_4_and_the_cause_in_one_sentence(sick: Sick) -> None:
    said = sick.up.stdout + sick.up.stderr
    assert sick.up.returncode == 4, said
    assert "its task on B ended: exit 3, nothing turns" in said
    assert re.search(r"last log lines:\n\s*the mill has no water\n", said), said


def test_a_constraint_that_matches_no_node_is_refused_with_the_labels_that_there_are(
    deployed_shop: Shop, tmp_path: Path
) -> None:
    stack = tmp_path / "stack.yaml"
    stack.write_text(STACK.replace("role == backend", "role == miller"))
    lab = deployed_shop.lab
    refused = lab.swarmkit("up", "--yes", "-i", lab.inventory, "-f", stack, "--stack", "lost")
    assert refused.returncode == 1, refused.stdout + refused.stderr
    assert "B35" in refused.stderr
    assert "its constraints match no active host: node.labels.role == miller" in refused.stderr
    assert "the hosts' labels are: role=backend, role=database, role=frontend" in refused.stderr


def test_a_driver_that_no_real_node_lists_is_told_by_the_plan_and_one_that_each_has_is_not(
    deployed_shop: Shop, tmp_path: Path
) -> None:
    stack, lab = tmp_path / "stack.yaml", deployed_shop.lab
    declared = ("-i", lab.inventory, "-f", stack, "--stack", "driven", "--images", deployed_shop.images, "--json")
    for log, volume, told in (("json-file", "local", set()), ("loki", "ebs", {"log driver loki", "volume driver ebs"})):
        named = STACK.replace("grain: {}", f"grain: {{driver: {volume}}}")
        stack.write_text(named.replace("stop_grace_period", f"logging: {{driver: {log}}}\n    stop_grace_period"))
        plan = lab.swarmkit("plan", *declared)
        assert plan.returncode == 0, plan.stdout + plan.stderr
        warned = [one["what"] for one in json.loads(plan.stdout)["warnings"] if one["code"] == "B42"]
        assert {*warned} == {f"no {driver} is on B" for driver in told}


def test_down_with_volumes_removes_the_stacks_own_and_no_other(sick: Sick) -> None:
    sick.lab.run("B", "docker volume create --label com.docker.stack.namespace=other other_grain")
    assert "sick_grain" in sick.volumes("B")
    words = ("down", "--keep-swarm", "--volumes", "--confirm", "lab", *sick.declared)
    down = sick.lab.swarmkit(*words)
    try:
        assert down.returncode == 0, down.stdout + down.stderr
        assert "remove volume sick_grain and its data" in down.stdout + down.stderr
        assert "sick_grain" not in sick.volumes("B")
        assert "other_grain" in sick.volumes("B")
        assert "shop_database-data" in sick.volumes("C")
        assert "sick_mill" not in sick.lab.run("A", "docker service ls --format '{{.Name}}'")
    finally:
        sick.lab.run("B", "docker volume rm other_grain")
