"""Two of five managers are left, of which one knows more: on real hosts of a lab of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest
from lab.shop_lab import Lab

from swarmkit.reach.retry import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.nightly, pytest.mark.timeout(1200)]

NUMBERS = {"V": 81, "W": 82, "X": 83, "Y": 84, "Z": 85}
CONFIGS = "docker config ls --format '{{.Name}}'"


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Hosts V to Z, booted and bare; ended after the last test."""
    state = tmp_path_factory.mktemp("five")
    path = state / "five.yaml"
    made = Lab(state / "swarmkit" / "lab", {**os.environ, "XDG_STATE_HOME": str(state)}, path)
    hosts = {
        name: {"ansible_host": f"127.88.0.{n}", "swarm_advertise_addr": f"10.88.0.{n}", "lab_memory": 640}
        for name, n in NUMBERS.items()
    }
    variables = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(made.state / "id_ed25519"),
        "swarm_known_hosts": str(made.state / "known_hosts"),
        "swarm_cluster": "five",
        "swarm_address_pools": ["10.20.0.0/16"],
    }
    path.write_text(json.dumps({"all": {"vars": variables, "children": {"managers": {"hosts": hosts}}}}))
    try:
        made.up()
        yield made
    finally:
        made.swarmkit("lab", "down")


def changed(lab: Lab, *arguments: str) -> str:
    result = lab.swarmkit(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def lost_the_quorum(lab: Lab, name: str) -> None:
    """Wait until the manager *name* knows no leader."""
    seen = wait_until(
        lambda: lab.run(name, "docker node ls 2>&1 || true"),
        lambda said: "leader" in said or "DeadlineExceeded" in said,
        timeout_seconds=90,
    )
    assert "ID" not in seen.split(), seen


def test_of_two_survivors_the_one_that_knows_more_goes_on_and_the_other_joins_it(five: Lab) -> None:
    path = str(five.inventory)
    changed(five, "up", "--yes", "-i", path)
    leading = five.run("W", "docker node ls --format '{{.Hostname}} {{.ManagerStatus}}'").splitlines()
    # V is the first by name, and in the inventory, and knows less.
    changed(five, "lab", "fault", "cut", "V")
    if "V Leader" in leading:
        wait_until(
            lambda: five.run("W", "docker node ls 2>&1 || true"), lambda said: "Leader" in said, timeout_seconds=90
        )
    five.run("W", "for n in 1 2 3; do echo $n | docker config create newer-$n - >/dev/null; done")
    five.run("W", "sync")
    for name in "XYZ":
        changed(five, "lab", "fault", "power-off", name)
    # While W leads still, it tells V what it knows.
    lost_the_quorum(five, "W")
    changed(five, "lab", "fault", "heal")
    lost_the_quorum(five, "V")
    recover = ["recover", "quorum", "-i", path]
    for name in "XYZ":
        recover += ["--lost", name]
    older = five.swarmkit(*recover, "--from", "V", stdin="n\n")
    told = older.stdout + older.stderr
    assert "what W knows and V does not is lost" in told, told
    assert "leave out --from V for the one that knows most" in told, told
    shown = changed(five, *recover, "--yes")
    assert "W  go on alone with its state" in shown
    assert "V  leave the old raft" in shown
    for name in "VW":
        assert {"newer-1", "newer-2", "newer-3"} <= set(five.run(name, CONFIGS).split())
        roles = five.run(name, "docker node ls --format '{{.Hostname}} {{.ManagerStatus}}'").splitlines()
        assert sorted(line.split()[0] for line in roles) == ["V", "W"]
        assert {line.split()[1] for line in roles} == {"Leader", "Reachable"}
