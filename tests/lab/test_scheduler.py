"""A task that the engine's scheduler has forgotten: shown on a real swarm, and placed by the next ``up``."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from lab.spare_lab import SpareLab
from lab.test_node_life import IMAGE

pytestmark = [pytest.mark.lab, pytest.mark.nightly]

STACK = """
services:
  keeper:
    image: idle:1
    entrypoint: [/bin/sleep, "100000"]
    stop_grace_period: 1s
    deploy: {placement: {constraints: [node.labels.disk == fast]}}
"""
TASK = "docker service ps idle_keeper -f desired-state=running --format '{{.Node}} {{.CurrentState}} {{.Error}}'"


def test_a_task_that_the_scheduler_has_forgotten_is_placed_by_the_next_up(spare_lab: SpareLab, tmp_path: Path) -> None:
    inventory, stack = tmp_path / "inventory.yaml", tmp_path / "stack.yaml"
    inventory.write_text(spare_lab.inventory("idle").replace("10.88.0.34}", "10.88.0.34, swarm_labels: {disk: fast}}"))
    stack.write_text(STACK)
    up = ("up", "--yes", "-i", str(inventory), "-f", str(stack), "--stack", "idle")
    spare_lab.run("X", IMAGE)
    try:
        spare_lab.swarmkit(*up, "--no-verify")
        spare_lab.run("X", "docker node update --availability drain X")
        _until(spare_lab, "Pending")
        # An update of what is the service's own, and a look of the scheduler while there is no place.
        spare_lab.run("X", "docker service update -q -d --label-add seen=yes idle_keeper")
        spare_lab.run("X", "docker service create -q -d --name other --constraint node.labels.disk==fast idle:1 true")
        time.sleep(2)
        spare_lab.run("X", "docker node update --availability active X")
        time.sleep(65)
        assert "Pending" in spare_lab.run("X", TASK).stdout, "the engine has mended moby issue 53722"
        planned = spare_lab.swarmkit(*("plan", *up[2:])).stdout
        assert "moby issue 53722" in planned
        spare_lab.swarmkit(*up)
        assert spare_lab.run("X", TASK).stdout.startswith("X Running")
        assert "nothing to do" in spare_lab.swarmkit(*up).stdout
    finally:
        spare_lab.run("X", "docker service rm idle_keeper other", check=False)
        for host in "YX":
            spare_lab.leave_swarm(host)
        spare_lab.run("X", "docker image rm idle:1")


def _until(lab: SpareLab, state: str) -> None:
    deadline = time.monotonic() + 30
    while state not in lab.run("X", TASK).stdout:
        assert time.monotonic() < deadline, lab.run("X", TASK).stdout
        time.sleep(0.5)
