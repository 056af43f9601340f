"""Ingress made anew, encrypted, in a living swarm of real hosts: every node takes it up, and no container ends."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
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
    "timeout 60 sh -c 'until docker network create -d overlay --ingress ingress; do sleep 1; done' 2>/dev/null && "
    "docker node ls -q | xargs -n1 docker node update"
)


def write_inventory(lab: Lab, path: Path, engine: str, *, encrypt_ingress: bool) -> None:
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


@dataclass(frozen=True)
class Meshed:
    """Hosts E, F and G, with an inventory that leaves ingress in clear and one that does not."""

    lab: Lab
    folder: Path

    @property
    def declared(self) -> tuple[str | Path, ...]:
        return ("-i", self.folder / "encrypted.yaml", "-f", self.folder / "mesh.yaml")

    def up(self, inventory: str, stack: str, *, code: int = 0) -> str:
        """Bring the hosts to what is declared and return what was told."""
        (self.folder / "mesh.yaml").write_text(stack)
        files = ("-i", self.folder / f"{inventory}.yaml", "-f", self.folder / "mesh.yaml", "--images", self.folder)
        done = self.lab.swarmkit("up", "--yes", *files)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def containers(self) -> dict[str, str]:
        return {name: self.lab.run(name, "docker ps -q") for name in NUMBERS}

    def prove_encrypted(self) -> None:
        """Prove that what goes to the published port crosses as ESP, from the drained node as well."""
        said = self.lab.swarmkit("verify", "--json", *self.declared)
        found = json.loads(said.stdout)["findings"]
        assert [finding for finding in found if finding["severity"] == "error"] == []
        told = {(finding["code"], finding["where"]): finding["severity"] for finding in found}
        assert told["V13", "ingress"] == "ok"
        assert told["V17", "ingress@F -> mesh_bare"] == "ok"
        assert (told["V19", "ingress on E"], told["V19", "ingress on G"]) == ("ok", "ok")
        proved = [finding["what"] for finding in found if (finding["code"], finding["severity"]) == ("V12", "ok")]
        assert "ingress" in {what.split()[1] for what in proved}


@pytest.fixture(scope="module", params=["26.1", pytest.param("20.10", marks=pytest.mark.nightly)])
def meshed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Meshed]:
    state, folder = tmp_path_factory.mktemp("mesh"), tmp_path_factory.mktemp("declared")
    lab = Lab(state / "swarmkit" / "lab", {**os.environ, "XDG_STATE_HOME": str(state)}, folder / "clear.yaml")
    write_bare_image(folder)
    write_inventory(lab, folder / "clear.yaml", request.param, encrypt_ingress=False)
    write_inventory(lab, folder / "encrypted.yaml", request.param, encrypt_ingress=True)
    try:
        lab.up()
        yield Meshed(lab, folder)
    finally:
        lab.swarmkit("lab", "down")


def test_every_node_of_a_living_swarm_takes_an_encrypted_ingress_up_and_no_container_ends(meshed: Meshed) -> None:
    meshed.up("clear", STACK)
    before = meshed.containers()
    assert [name for name, running in before.items() if running] == ["E", "G"]
    told = meshed.up("encrypted", STACK)
    assert "make ingress anew, encrypted" in told
    assert "have each node take ingress up: E, F, G" in told
    assert meshed.containers() == before
    assert "nothing to do" in meshed.up("encrypted", STACK)
    meshed.up("encrypted", PUBLISHED)
    meshed.prove_encrypted()


@pytest.mark.nightly
def test_ports_that_are_taken_away_as_told_are_published_again_by_an_encrypted_one(meshed: Meshed) -> None:
    meshed.up("clear", STACK)
    meshed.lab.run("E", IN_CLEAR)
    meshed.up("clear", PUBLISHED)
    refused = meshed.up("encrypted", PUBLISHED, code=1)
    told = re.search(r"on E: (docker service update \S.* mesh_bare); then swarmkit up", refused)
    assert told, refused
    meshed.lab.run("E", told[1])
    meshed.up("encrypted", PUBLISHED)
    meshed.prove_encrypted()
