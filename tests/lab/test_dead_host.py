"""A host of the inventory that is dead: what reads, runs elsewhere or goes back does so without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml
from lab.shop_lab import Lab, Shop

pytestmark = pytest.mark.lab

STACK = """
services:
  web:
    image: shop-backend:1.0
    entrypoint: [node, -e, "setInterval(() => {}, 1e6)"]
    stop_grace_period: 1s
    environment: {LEVEL: "%s"}
    networks: [app]
    deploy: {placement: {constraints: [node.labels.role == backend]}}
networks: {app: {}}
"""


@dataclass(frozen=True)
class WithDead:
    lab: Lab
    """Its commands take the lab's inventory, with a worker that no machine is behind, unless they name another."""

    def call(self, *words: str | Path, code: int) -> tuple[str, str]:
        """Run a command with the dead host among the declared; return its outputs."""
        done = self.lab.swarmkit(*words)
        assert done.returncode == code, done.stdout + done.stderr
        said = done.stdout + done.stderr
        assert any(word in said for word in ("Z: ", "D11", "comes: Z")), "nobody is told of the dead host"
        return done.stdout, done.stderr

    def run(self, *words: str | Path) -> str:
        done = self.lab.swarmkit("run", "--yes", "--rm", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def with_dead(deployed_shop: Shop, tmp_path: Path) -> WithDead:
    lab = deployed_shop.lab
    declared = yaml.safe_load(lab.inventory.read_text())
    dead = {"ansible_host": "127.88.0.99", "swarm_advertise_addr": "10.88.0.99"}
    declared["all"]["children"]["workers"]["hosts"]["Z"] = dead
    (path := tmp_path / "hosts.yaml").write_text(yaml.safe_dump(declared))
    return WithDead(replace(lab, environment={**lab.environment, "SWARMKIT_INVENTORY": str(path)}))


def test_lists_and_exports_are_those_of_the_hosts_that_answer(with_dead: WithDead) -> None:
    listed = json.loads(with_dead.call("network", "ls", "--json", code=3)[0])
    assert listed["silent"] == ["Z"]
    assert {host for row in listed["networks"] for host in row["hosts"]} == {"A", "B", "C"}
    assert json.loads(with_dead.call("network", "plan", "--json", code=3)[0])["silent"] == ["Z"]
    inspected = json.loads(with_dead.call("network", "inspect", "bridge", code=3)[0])
    assert inspected["bridge"].keys() == {"A", "B", "C"}
    text, said = with_dead.call("export", "shop", code=3)
    assert "it plans to no change" in said
    assert yaml.safe_load(text)["services"].keys() >= {"backend", "database", "frontend"}


def test_a_container_runs_on_a_host_that_answers_with_an_image_that_it_was_sent(
    with_dead: WithDead, deployed_shop: Shop
) -> None:
    assert (
        with_dead.run("--on", "B", "--network", "none", "--entrypoint", "node", "shop-backend:1.0", "-p", "6*7")
        == "42\n"
    )
    lacking = with_dead.call("run", "--yes", "--on", "B", "--network", "none-such", "shop-frontend:1.0", code=1)
    assert "--images DIR" in "".join(lacking)
    try:
        words = ("--images", deployed_shop.images, "--entrypoint", "/bin/busybox", "shop-frontend:1.0", "echo", "sent")
        assert with_dead.run("--on", "B", "--network", "none", *words) == "sent\n"
    finally:
        with_dead.lab.run("B", "docker", "rmi", "shop-frontend:1.0")


@pytest.fixture
def stack(with_dead: WithDead, tmp_path: Path) -> Iterator[Path]:
    (path := tmp_path / "probe.yaml").write_text(STACK % "one")
    words: tuple[str | Path, ...] = ("-i", with_dead.lab.inventory, "-f", path, "--stack", "probe")
    try:
        for level in ("one", "two"):
            path.write_text(STACK % level)
            done = with_dead.lab.swarmkit("up", "--yes", "--no-verify", *words)
            assert done.returncode == 0, done.stdout + done.stderr
        yield path
    finally:
        with_dead.lab.swarmkit("down", "--keep-swarm", "--confirm", "lab", *words)


@pytest.mark.usefixtures("stack")
def test_a_stack_goes_back_while_a_host_that_it_needs_not_is_dead(with_dead: WithDead) -> None:
    with_dead.call("rollback", "--yes", "--no-verify", "--stack", "probe", code=0)
    environment = with_dead.lab.run(
        "A", "docker", "service", "inspect", "-f", "'{{json .Spec.TaskTemplate.ContainerSpec.Env}}'", "probe_web"
    )
    assert json.loads(environment) == ["LEVEL=one"]
