"""Ingress made anew, encrypted, in a living swarm of real hosts: every node takes it up, and no container ends."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.bare_image import TCP_PORT, write_bare_image
from lab.shop_lab import Lab

pytestmark = pytest.mark.lab

NUMBERS = {"E": 81, "F": 82, "G": 83}
STACK = """
services:
  bare:
    image: bare:1.0
    stop_grace_period: 1s
    deploy: {mode: global, update_config: {parallelism: 0, monitor: 1s}}
"""
PUBLISHED = STACK + f'    ports: ["{TCP_PORT}:{TCP_PORT}"]\n'
IN_CLEAR = (
    "echo y | docker network rm ingress && "
    "timeout 60 sh -c 'until docker network create -d overlay --ingress ingress; do sleep 1; done' 2>/dev/null"
)
"""What leaves a manager with an ingress in clear, and the engines without their end of it."""


def write_inventory(lab: Lab, path: Path, engine: str, *, encrypt_ingress: bool) -> Path:
    """Write an inventory of one manager, one drained worker and one that is active."""
    hosts = {
        name: {
            "ansible_host": f"127.88.0.{number}",
            "swarm_advertise_addr": f"10.88.0.{number}",
            "swarm_availability": "drain" if name == "F" else "active",
            "lab_engine": engine,
            "lab_memory": 640,
        }
        for name, number in NUMBERS.items()
    }
    variables = {
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(lab.state / "id_ed25519"),
        "swarm_known_hosts": str(lab.state / "known_hosts"),
        "swarm_cluster": "meshed",
        "swarm_address_pools": ["10.20.0.0/16"],
        "swarm_encrypt_ingress": encrypt_ingress,
    }
    children = {"managers": {"hosts": {"E": hosts.pop("E")}}, "workers": {"hosts": hosts}}
    path.write_text(json.dumps({"all": {"vars": variables, "children": children}}))
    return path


@pytest.fixture(params=["26.1", pytest.param("20.10", marks=pytest.mark.nightly)])
def meshed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Lab, Path, Path]]:
    """Hosts E, F and G, booted, with an inventory that leaves ingress in clear and one that does not."""
    state = tmp_path / "state"
    environment = {**os.environ, "XDG_STATE_HOME": str(state)}
    lab = Lab(state / "swarmkit" / "lab", environment)
    clear, encrypted = (
        write_inventory(lab, tmp_path / f"{shall}.yaml", request.param, encrypt_ingress=shall)
        for shall in (False, True)
    )
    try:
        lab.up(clear)
        yield lab, clear, encrypted
    finally:
        lab.swarmkit("lab", "down")


def containers(lab: Lab) -> dict[str, str]:
    return {name: lab.run(name, "docker ps -q") for name in NUMBERS}


def prove_encrypted(lab: Lab, declared: tuple[str | Path, ...]) -> None:
    """Prove that what goes to the published port crosses as ESP, from the drained node as well."""
    said = lab.swarmkit("verify", "--json", *declared)
    found = json.loads(said.stdout)["findings"]
    assert [finding for finding in found if finding["severity"] == "error"] == []
    told = {(finding["code"], finding["where"]): finding["severity"] for finding in found}
    assert told["V13", "ingress"] == "ok"
    assert told["V17", "ingress@F -> mesh_bare"] == "ok"
    assert (told["V19", "ingress on E"], told["V19", "ingress on G"]) == ("ok", "ok")
    proved = {
        finding["what"].split()[1] for finding in found if (finding["code"], finding["severity"]) == ("V12", "ok")
    }
    assert "ingress" in proved


def test_every_node_of_a_living_swarm_takes_an_encrypted_ingress_up(
    meshed: tuple[Lab, Path, Path], tmp_path: Path
) -> None:
    lab, clear, encrypted = meshed
    stack, images = tmp_path / "mesh.yaml", tmp_path / "images"
    stack.write_text(STACK)
    images.mkdir()
    write_bare_image(images)
    files: tuple[str | Path, ...] = ("-f", stack, "--images", images)

    def up(inventory: Path) -> str:
        done = lab.swarmkit("up", "--yes", "-i", inventory, *files)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    up(clear)
    before = containers(lab)
    assert [name for name, running in before.items() if running] == ["E", "G"]
    assert "have each node take ingress up: E, F, G" in up(encrypted)
    assert containers(lab) == before
    assert "nothing to do" in up(encrypted)

    stack.write_text(PUBLISHED)
    up(encrypted)
    prove_encrypted(lab, ("-i", encrypted, "-f", stack))

    lab.run("E", f"docker service update -q --publish-rm {TCP_PORT}/tcp mesh_bare && {IN_CLEAR}")
    up(encrypted)
    prove_encrypted(lab, ("-i", encrypted, "-f", stack))
